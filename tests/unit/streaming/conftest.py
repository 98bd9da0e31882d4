import sys
from pathlib import Path

# Test folders are not packages; what these tests share lies beside them.
sys.path.insert(0, str(Path(__file__).parent))
