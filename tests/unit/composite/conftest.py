import sys
from pathlib import Path

# Test folders are not packages; the two markets lie beside these tests, their tape by the API's.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "api"))
