"""Whatever is done to the files of a log is found, and where.

The oracle is the deed itself: each test knows which line it has touched.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from audit_stage import KEY, NOW, anchored, event, lines_of, verified, written
from hypothesis import assume, given
from hypothesis import strategies as st

from cloud_marketdata.security.audit.anchor import Anchor
from cloud_marketdata.security.audit.chain import Chain, Head
from cloud_marketdata.security.audit.faults import Wrong
from cloud_marketdata.security.audit.line import digest_of
from cloud_marketdata.security.audit.places import file_name
from cloud_marketdata.storage.memory import memory_objects

WRITER = "serve-a-1-1"
picks = st.integers(0, 10**6)


class Crime:
    """A chain of three files with 20 events, at which something is done and undone again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "audit"
        self.files, self.head = written(self.folder)
        self.places = [(path, at) for path in self.files for at, _ in enumerate(lines_of(path))]
        self._bytes = {path: path.read_bytes() for path in self.files}
        # A cold tier with an anchor of the newest line, and with nothing else.
        self.anchors = memory_objects()
        anchored(self.anchors, WRITER, self.head)

    def undo(self) -> "Crime":
        """Have everything as it was."""
        shutil.rmtree(self.folder)
        (self.folder / WRITER).mkdir(parents=True)
        for path, data in self._bytes.items():
            path.write_bytes(data)
        return self

    def place(self, pick: int) -> tuple[Path, int]:
        """Choose a line: its file, and where it is there."""
        return self.places[pick % len(self.places)]

    def rewrite(self, path: Path, lines: list[bytes]) -> None:
        """Put other lines into a file."""
        path.write_bytes(b"".join(lines))

    def found(self, objects=None):
        """Return what verification tells: file, line, seq, what, how many; and the report."""
        report = verified(self.folder, objects)
        told = [
            (fault.file.rpartition("/")[2], fault.line, fault.seq, fault.wrong, fault.count)
            for fault in report.faults
        ]
        return told, report


@pytest.fixture(scope="module")
def scene():
    with tempfile.TemporaryDirectory() as folder:
        yield Crime(Path(folder))


@pytest.fixture
def whole(scene):
    return scene.undo()


def seq_of(path: Path, at: int) -> int:
    """Return the number of a line of an untouched file."""
    return int(path.stem) + at


def test_an_untouched_log_is_well(whole):
    found, report = whole.found(whole.anchors)

    assert (report.ok, found, report.notes) == (True, [], [])
    assert (report.writers, report.files, report.lines, report.anchors) == (1, 3, 24, 1)


@given(pick=picks, byte=picks, bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_in_its_line(scene, pick, byte, bit):
    crime = scene.undo()
    path, at = crime.place(pick)
    lines = lines_of(path)
    line = bytearray(lines[at])
    line[byte % (len(line) - 1)] ^= 1 << bit
    assume(b"\n" not in line[:-1])
    lines[at] = bytes(line)
    crime.rewrite(path, lines)

    found, report = crime.found()

    assert found == [(path.name, at + 1, seq_of(path, at), Wrong.ALTERED, 1)]
    assert not report.ok


@given(pick=picks, replacement=st.sampled_from([b"\n", b"x"]), byte=picks)
def test_a_line_that_was_cut_in_two_or_joined_with_the_next_is_found(
    scene, pick, replacement, byte
):
    crime = scene.undo()
    path, at = crime.place(pick)
    data = path.read_bytes()
    ends = [len(b"".join(lines_of(path)[: at + 1])) - 1, len(b"".join(lines_of(path)[:at]))]
    where = ends[0] if replacement == b"x" else ends[1] + byte % (ends[0] - ends[1])
    assume(where < len(data) - 1)
    path.write_bytes(data[:where] + replacement + data[where + 1 :])

    found, report = crime.found()

    assert not report.ok
    assert found[0][:4] == (path.name, at + 1, seq_of(path, at), Wrong.ALTERED)


@given(pick=picks, count=st.integers(1, 6))
def test_lines_that_are_removed_are_found_where_they_stood(scene, pick, count):
    crime = scene.undo()
    path, at = crime.place(pick)
    lines = lines_of(path)
    count = min(count, len(lines) - at)
    crime.rewrite(path, lines[:at] + lines[at + count :])

    # The end of the last file can be cut off unseen, were it not for the anchor.
    found, report = crime.found(crime.anchors if path == crime.files[-1] else None)

    assert found == [(path.name, at + 1, seq_of(path, at), Wrong.MISSING, count)]
    assert not report.ok


@given(pick=picks, other=picks)
def test_two_lines_that_changed_places_are_found(scene, pick, other):
    crime = scene.undo()
    path, one = crime.place(pick)
    lines = lines_of(path)
    two = other % len(lines)
    assume(one != two)
    lines[one], lines[two] = lines[two], lines[one]
    crime.rewrite(path, lines)

    found, report = crime.found()

    low, high = sorted((one, two))
    assert not report.ok
    assert {wrong for _, _, _, wrong, _ in found} == {Wrong.REORDERED}
    assert {file for file, _, _, _, _ in found} == {path.name}
    told = {line + more for _, line, _, _, count in found for more in range(count)}
    assert told <= set(range(low + 1, high + 2))
    # Of two neighbours either may be said to have moved; of others the two, unless one is between.
    assert len(told) == 1 if high - low == 1 else {low + 1, high + 1} & told


@given(pick=picks, other=picks)
def test_lines_that_changed_places_between_files_are_found(scene, pick, other):
    crime = scene.undo()
    (one, at), (two, to) = crime.place(pick), crime.place(other)
    assume(one != two)
    first, second = lines_of(one), lines_of(two)
    first[at], second[to] = second[to], first[at]
    crime.rewrite(one, first)
    crime.rewrite(two, second)

    found, report = crime.found(crime.anchors)

    moved = {(one.name, at + 1, seq_of(two, to)), (two.name, to + 1, seq_of(one, at))}
    assert not report.ok
    assert {told[:3] for told in found if told[3] is Wrong.REORDERED} == moved
    gone = {told[2] for told in found if told[3] is Wrong.MISSING}
    assert gone == {seq_of(one, at), seq_of(two, to)}


@given(pick=picks, kind=st.sampled_from(["junk", "stranger", "bad key"]))
def test_an_inserted_line_is_found_where_it_is(scene, pick, kind):
    crime = scene.undo()
    path, at = crime.place(pick)
    lines = lines_of(path)
    before = Head(seq_of(path, at) - 1)
    inserted = {
        "junk": b'{"ts":1,"seq":"x"}\n',
        "stranger": Chain("other", KEY, before).line(NOW, event()),
        "bad key": Chain(WRITER, KEY[::-1], before).line(NOW, event()),
    }[kind]
    crime.rewrite(path, [*lines[:at], inserted, *lines[at:]])

    found, report = crime.found()

    assert not report.ok
    assert [told[:2] + told[3:] for told in found] == [(path.name, at + 1, Wrong.FOREIGN, 1)]


@given(pick=picks, copy=picks)
def test_a_line_that_was_written_once_and_is_there_twice_is_found(scene, pick, copy):
    crime = scene.undo()
    path, at = crime.place(pick)
    lines = lines_of(path)
    copied = copy % len(lines)
    crime.rewrite(path, [*lines[:at], lines[copied], *lines[at:]])

    found, report = crime.found()

    assert not report.ok
    assert Wrong.FOREIGN in {told[3] for told in found}
    # The first of the two is taken for the line itself, so it may be the one that stands wrong.
    assert {told[2] for told in found} == {seq_of(path, copied)}
    assert {told[3] for told in found} <= {Wrong.FOREIGN, Wrong.REORDERED}


@given(cut=picks)
def test_a_tail_that_was_cut_off_is_told_as_that_and_found_by_its_anchor(scene, cut):
    crime = scene.undo()
    last = crime.files[-1]
    data = last.read_bytes()
    cut = cut % len(data)
    last.write_bytes(data[:cut])
    kept = data[:cut].count(b"\n")
    torn = not data[:cut].endswith(b"\n") and cut > 0
    place = (last.name, kept + 1, seq_of(last, kept))
    told = [(*place, Wrong.TRUNCATED, 1)] if torn else []

    without, report = crime.found()
    assert without == told
    assert report.ok
    assert report.notes == [f"{WRITER} was killed: nothing tells of the end of it"]

    found, report = crime.found(crime.anchors)
    assert found == [*told, (*place, Wrong.MISSING, len(crime.places) - place[2] + 1)]
    assert not report.ok


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_file_that_is_gone_is_found(whole, which):
    gone = whole.files[which]
    count = len(lines_of(gone))
    gone.unlink()

    found, report = whole.found(whole.anchors)

    assert not report.ok
    assert [told[2:] for told in found] == [(int(gone.stem), Wrong.MISSING, count)]


def test_without_the_cold_tier_a_chain_may_begin_later_which_is_told(whole):
    whole.files[0].unlink()

    found, report = whole.found()

    later = f"{WRITER}/{whole.files[1].name}"
    assert found == []
    assert report.notes == [f"{later}: what is before it was not looked at"]


def test_a_writer_that_is_gone_is_found_by_its_anchor(whole):
    shutil.rmtree(whole.folder / WRITER)

    found, report = whole.found(whole.anchors)

    assert found == [("", 1, 1, Wrong.MISSING, 24)]
    assert report.faults[0].writer == WRITER


def test_who_has_the_key_and_rewrites_the_past_is_contradicted_by_an_anchor(whole):
    shutil.rmtree(whole.folder)
    written(whole.folder, events=21)

    found, _ = whole.found(whole.anchors)

    assert [told[2:4] for told in found] == [(24, Wrong.ALTERED)]


def test_a_line_that_follows_another_one_than_the_one_that_is_there_is_found(whole):
    """As where two processes without a lock have gone on from the same line."""
    path = whole.files[-1]
    lines = lines_of(path)
    fork = Chain(WRITER, KEY, Head(seq_of(path, 1), "ab" * 32)).line(NOW, event())
    whole.rewrite(path, [*lines[:2], fork, *lines[3:]])

    found, _ = whole.found()

    # The line behind it follows the one that was replaced.
    assert [told[1:] for told in found] == [(3, seq_of(path, 2), Wrong.FOREIGN, 2)]


def test_a_line_of_another_writer_is_found_though_it_follows(whole):
    path = whole.files[-1]
    lines = lines_of(path)
    seq = seq_of(path, len(lines) - 1)
    before = Head(seq - 1, digest_of(lines[-2][:-1]))
    whole.rewrite(path, [*lines[:-1], Chain("other", KEY, before).line(NOW, event())])

    found, _ = whole.found()

    assert found == [(path.name, len(lines), seq, Wrong.FOREIGN, 1)]


def test_a_file_of_one_line_is_missed_too(whole):
    path = whole.files[0]
    path.with_name(file_name(2)).write_bytes(b"".join(lines_of(path)[1:]))
    path.unlink()

    found, _ = whole.found(whole.anchors)

    assert found == [(file_name(2), 1, 1, Wrong.MISSING, 1)]


def test_an_anchor_that_this_log_did_not_write_accuses_itself(whole):
    anchor = Anchor(WRITER, 99, "ab" * 32)
    objects = memory_objects()
    asyncio.run(objects.put(anchor.key, anchor.sealed(NOW, KEY[::-1])))

    report = verified(whole.folder, objects)

    assert [(fault.file, fault.wrong) for fault in report.faults] == [(anchor.key, Wrong.FOREIGN)]


def test_bytes_behind_the_end_of_a_closed_file_are_found(whole):
    with whole.files[1].open("ab") as file:
        file.write(b"{")

    found, _ = whole.found()

    assert [(told[0], told[3]) for told in found] == [(whole.files[1].name, Wrong.FOREIGN)]


def test_lines_under_a_former_key_need_that_key(whole):
    newer = b"another one, for new lines"
    assert verified(whole.folder, keys=(newer, KEY)).ok

    found = verified(whole.folder, keys=(newer,)).faults

    assert {fault.wrong for fault in found} == {Wrong.ALTERED}
    assert sum(fault.count for fault in found) == 24


def test_a_file_name_may_claim_anything_and_is_judged_in_an_instant(whole):
    whole.files[-1].rename(whole.files[-1].with_name("9" * 16 + ".jsonl"))

    found, report = whole.found()

    assert not report.ok
    assert len(found) < 10


def test_what_is_no_file_of_the_log_is_named(whole):
    (whole.folder / WRITER / "notes.txt").write_text("x")

    assert whole.found()[1].notes == ["notes.txt is no file of the log"]
