"""Finds what was done to the lines of one file, and to which. Pure.

A file is judged by where its first line has to stand in the chain and, if another file follows,
where that one begins. The genuine lines that ascend are taken as the chain, as many as there are;
the others are explained by what is missing between these.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from cloud_marketdata.security.audit.chain import Head
from cloud_marketdata.security.audit.faults import Fault, Wrong


class Seen(NamedTuple):
    """A line as it was found: its number in the file, and what it says of itself.

    seq is 0 where that cannot be read. genuine: whether its HMAC fits. alien: its writer, where
    that is another one than the file's.
    """

    number: int
    seq: int
    prev: str
    digest: str
    genuine: bool
    alien: str = ""


class Bounds(NamedTuple):
    """What must stand in a file: lines behind `before`, up to the one before `end`, if known.

    The digest of `before` is empty where that line is not known.
    """

    writer: str
    file: str
    before: Head
    end: int | None


class Finding(NamedTuple):
    """Something wrong at a line, before those next to each other are taken together."""

    number: int
    seq: int
    wrong: Wrong
    what: str
    many: int = 1


def judged(lines: Sequence[Seen], bounds: Bounds) -> list[Fault]:
    """Return what is wrong with the lines of a file, in their order."""
    found = sorted(_findings(lines, bounds))
    keyed = groupby(enumerate(found), lambda pair: _run_key(*pair))
    return [_fault([finding for _, finding in run], bounds) for _, run in keyed]


def _findings(lines: Sequence[Seen], bounds: Bounds) -> Iterator[Finding]:
    own, found = _own(lines, bounds)
    yield from found
    kept = _ascending(own)
    in_order = {line.number for line in kept}
    for line in own:
        if line.number not in in_order:
            yield Finding(line.number, line.seq, Wrong.REORDERED, "it stands in another's place")
    yield from _gaps(lines, kept, sorted(line.seq for line in own), bounds)
    yield from _forks(kept, bounds)


def _own(lines: Sequence[Seen], bounds: Bounds) -> tuple[list[Seen], list[Finding]]:
    """Return the genuine lines that belong into this file, each once, and those that do not."""
    own: dict[int, Seen] = {}
    found = []
    for line in lines:
        why = ""
        if line.alien:
            why = f"it is a line of {line.alien}"
        elif line.genuine and line.seq in own:
            why = "it is there twice"
        if why:
            found.append(Finding(line.number, line.seq, Wrong.FOREIGN, why))
        elif line.genuine and (
            line.seq <= bounds.before.seq or (bounds.end and line.seq >= bounds.end)
        ):
            what = "it belongs into another file"
            found.append(Finding(line.number, line.seq, Wrong.REORDERED, what))
        elif line.genuine:
            own[line.seq] = line
    return list(own.values()), found


def _ascending(lines: Sequence[Seen]) -> list[Seen]:
    """Return the most lines that ascend as they stand; so the fewest are said to have moved."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for at, line in enumerate(lines):
        place = bisect_left(tops, line.seq)
        before.append(ends[place - 1] if place else -1)
        tops[place : place + 1] = [line.seq]
        ends[place : place + 1] = [at]
    kept = []
    at = ends[-1] if ends else -1
    while at >= 0:
        kept.append(lines[at])
        at = before[at]
    return kept[::-1]


def _gaps(
    lines: Sequence[Seen], kept: Sequence[Seen], there: Sequence[int], bounds: Bounds
) -> Iterator[Finding]:
    """Explain what is missing between lines of the chain by the lines that are no good."""
    bad = [line for line in lines if not line.genuine and not line.alien]
    numbers = [line.number for line in bad]
    behind = max((line.number for line in lines), default=0) + 1
    # Where no file follows, as many lines are taken to be missing as there are bad ones.
    top = max([bounds.before.seq, *there])
    stop = bounds.end or top + 1 + len(bad)
    first = Seen(0, bounds.before.seq, "", "", genuine=True)
    for low, high in pairwise([first, *kept, Seen(behind, stop, "", "", genuine=True)]):
        between = bad[bisect_right(numbers, low.number) : bisect_left(numbers, high.number)]
        holes = _holes(low.seq, high.seq, there)
        if high.number == behind and not bounds.end:
            yield from _explained(between, _first(holes, len(between)), high.number)
        else:
            yield from _explained(between, holes, high.number)


def _holes(low: int, high: int, there: Sequence[int]) -> list[range]:
    """Return the numbers between two lines that stand nowhere in the file."""
    found = there[bisect_right(there, low) : bisect_left(there, high)]
    ranges = (range(a + 1, b) for a, b in pairwise([low, *found, high]))
    return [each for each in ranges if each]


def _first(holes: Sequence[range], count: int) -> list[range]:
    kept = []
    for hole in holes:
        kept.append(hole[:count])
        count -= len(kept[-1])
    return [hole for hole in kept if hole]


def _explained(bad: Sequence[Seen], holes: list[range], behind: int) -> Iterator[Finding]:
    """Pair lines that are no good with numbers that are free: first with what they say they are.

    Holes are never counted out, since the name of a file may claim any.
    """
    starts = [hole.start for hole in holes]
    claims = {line.seq: line.number for line in reversed(bad) if _is_in(line.seq, holes, starts)}
    paired = {number: seq for seq, number in claims.items()}
    free = (seq for hole in holes for seq in hole if seq not in claims)
    for line in bad:
        seq = paired.get(line.number) or next(free, None)
        if seq is None:
            yield Finding(line.number, line.seq, Wrong.FOREIGN, "this log did not write it")
        else:
            paired[line.number] = seq
            yield Finding(line.number, seq, Wrong.ALTERED, "its bytes do not fit its HMAC")
    taken = sorted(paired.values())
    left = (each for hole in holes for each in _holes(hole.start - 1, hole.stop, taken))
    for hole in left:
        yield Finding(behind, hole.start, Wrong.MISSING, "it was removed", len(hole))


def _is_in(seq: int, holes: Sequence[range], starts: Sequence[int]) -> bool:
    at = bisect_right(starts, seq) - 1
    return at >= 0 and seq in holes[at]


def _forks(kept: Sequence[Seen], bounds: Bounds) -> Iterator[Finding]:
    """Find genuine lines that follow another line than the one that is there."""
    before = Seen(0, bounds.before.seq, "", bounds.before.digest, genuine=True)
    for low, high in pairwise([before, *kept]):
        if high.seq == low.seq + 1 and low.digest and high.prev != low.digest:
            what = "it follows another line than the one before it"
            yield Finding(high.number, high.seq, Wrong.FOREIGN, what)


def _run_key(at: int, finding: Finding) -> tuple[Wrong, str, int]:
    """Return what is the same for findings that are next to each other and of one kind."""
    alone = finding.wrong is Wrong.MISSING
    return finding.wrong, finding.what, -at if alone else finding.number - at


def _fault(run: Sequence[Finding], bounds: Bounds) -> Fault:
    number, seq, wrong, what, _ = run[0]
    count = sum(finding.many for finding in run)
    return Fault(bounds.writer, bounds.file, number, seq, wrong, count, what)
