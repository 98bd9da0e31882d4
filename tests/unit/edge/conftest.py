import sys
from pathlib import Path

# Test folders are not packages; the tape of the API's tests lies beside them.
sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
