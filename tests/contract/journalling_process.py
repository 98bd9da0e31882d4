"""A process that adds to a journal in a loop and reports each entry that the journal has taken.

Run as `python journalling_process.py FOLDER`; prints a position a line, without an end. The test of
durability kills it.
"""

import sys
from itertools import count
from pathlib import Path

from contract_samples import batch

from cloud_marketdata.storage.entry import unstamped
from cloud_marketdata.storage.journal import Journal


def main(folder: Path) -> None:
    """Add entries until killed, going on above those that are there."""
    journal = Journal(folder, 1 << 30)
    for position in count(journal.highest + 1):
        journal.add([unstamped(batch(position))._replace(position=position)])
        sys.stdout.write(f"{position}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
