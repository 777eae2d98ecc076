import sys
from pathlib import Path

# The builder of little files is found by its name.
sys.path.insert(0, str(Path(__file__).parent))
