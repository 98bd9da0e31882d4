"""What verification finds, and where."""

from enum import StrEnum

from msgspec import Struct


class Wrong(StrEnum):
    """What is wrong with a line."""

    ALTERED = "altered"
    MISSING = "missing"
    REORDERED = "reordered"
    FOREIGN = "foreign"
    TRUNCATED = "truncated"


class Fault(Struct, frozen=True):
    """One thing that is wrong; a truncated end alone is what a killed process leaves.

    file: its path below the log's folder, or its key in the cold tier. line: counted from 1; where
    lines are missing it is the one that stands in their place. seq: of the first line it is about;
    0 where that cannot be told. count: how many lines.
    """

    writer: str
    file: str
    line: int
    seq: int
    wrong: Wrong
    count: int
    what: str

    @property
    def text(self) -> str:
        """Say it in one line."""
        lines = "" if self.count == 1 else f" ({self.count} lines)"
        return f"{self.file}:{self.line}: seq {self.seq} {self.wrong}{lines}: {self.what}"


class Report(Struct):
    """What was looked at, what is wrong, and what is worth knowing without being wrong.

    anchors: heads of chains that were written down in the cold tier and held against the lines.
    """

    writers: int
    files: int
    lines: int
    anchors: int
    faults: list[Fault]
    notes: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing was changed, removed, inserted or moved."""
        return all(fault.wrong is Wrong.TRUNCATED for fault in self.faults)
