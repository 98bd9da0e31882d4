import sys
from pathlib import Path

_HERE = Path(__file__).parent
for _place in (_HERE, _HERE.parent / "e2e"):
    sys.path.insert(0, str(_place))
