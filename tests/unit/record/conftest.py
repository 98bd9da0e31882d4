import sys
from pathlib import Path

# Test folders are not packages; the virtual network lies beside the tests of the collectors.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "collectors")]
