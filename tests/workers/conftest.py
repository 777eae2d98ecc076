import sys
from pathlib import Path

# Workers find the jobs by PYTHONPATH; this process must know them by the same name.
sys.path.insert(0, str(Path(__file__).parent))
