import sys
from pathlib import Path

# Test folders are not packages; the market that these tests share lies beside them, and the clock
# that crews share lies with those of single markets.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "processing")]
