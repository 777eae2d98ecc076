"""What tests of the documents share is in `shown_commands`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
