import sys
from pathlib import Path

# Test folders are not packages; the frames that these tests share lie beside them.
sys.path.insert(0, str(Path(__file__).parent))
