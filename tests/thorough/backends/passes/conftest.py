import sys
from pathlib import Path

# The makers of random graphs are found by their name.
sys.path.insert(0, str(Path(__file__).parent))
