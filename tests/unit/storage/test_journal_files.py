"""A journal gives back what it was given, in order, whatever ended the process or its files."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journal_samples import BTC, ETH, STREAMS, entry

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry, TakenError
from cloud_marketdata.storage.journal import Journal, JournalFullError
from cloud_marketdata.storage.journal.frames import framed

MOST = 1 << 20
NEVER = 1 << 30


def everything(journal: Journal) -> list[Entry]:
    """Take all entries out."""
    found: list[Entry] = []
    while entries := journal.first(3):
        journal.drop(len(entries))
        found += entries
    return found


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.journal")
    return path


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Have the kernel refuse to let any file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class JournalAndList(RuleBasedStateMachine):
    """A journal beside a list; `gone` are those that were dropped, the latest last."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.position = 0
        self.gone: list[Entry] = []
        self.kept: list[Entry] = []

    @initialize(most=st.sampled_from([1_000, 4_000, MOST]))
    def open(self, most: int) -> None:
        """Begin with an empty folder."""
        self.most = most
        self.journal = Journal(Path(self.folder.name), most)

    @rule(
        streams=st.lists(st.sampled_from(STREAMS), min_size=1, max_size=4), size=st.integers(20, 90)
    )
    def add(self, streams: list, size: int) -> None:
        """Add some, or be refused for the bound."""
        entries = []
        for stream in streams:
            self.position += 1
            entries.append(entry(self.position, stream=stream, size=size, received=self.position))
        try:
            self.journal.add(entries)
        except JournalFullError:
            assert self.kept, "an empty journal takes anything"
            assert self.journal.bytes + size * len(entries) > self.most - 100 * len(entries)
        else:
            self.kept += entries

    @rule(ask=st.integers(1, 6), take=st.integers(0, 6))
    def move(self, ask: int, take: int) -> None:
        """Look at the oldest and drop some of them."""
        found = self.journal.first(ask)
        assert found == self.kept[: len(found)]
        assert len(found) <= ask
        assert bool(found) == bool(self.kept)
        if count := min(take, len(found)):
            self.journal.drop(count)
            self.gone += self.kept[:count]
            del self.kept[:count]

    @rule(ask=st.integers(1, 6), at=st.integers(0, 5), ahead=st.integers(0, 4))
    def refuse(self, ask: int, at: int, ahead: int) -> None:
        """Another appender has taken positions; those refused are found again above it."""
        found = self.journal.first(ask)
        if not found:
            return
        refused = found[min(at, len(found) - 1)]
        self.journal.restamp(TakenError(refused.stream, refused.position, refused.position + ahead))
        again = self.journal.first(NEVER)
        floor = refused.position + ahead
        for old, new in zip(self.kept, again, strict=False):
            if old.stream == refused.stream and old.position >= refused.position:
                assert new.position > floor
                assert new.position == max(old.position, floor + 1)
                floor = new.position
                assert new._replace(position=old.position) == old
            else:
                assert new == old
        self.kept[: len(again)] = again
        self.position = max(self.position, *(kept.position for kept in self.kept))

    @rule()
    def kill(self) -> None:
        """Forget the object, as a killed process does; only whole files may be back again."""
        self.journal = Journal(Path(self.folder.name), self.most)
        back = self.journal.entries - len(self.kept)
        repeated = self.journal.first(NEVER)[:back]
        assert 0 <= back <= len(self.gone)
        assert repeated == self.gone[len(self.gone) - back :]
        while back:
            count = min(back, len(self.journal.first(NEVER)))
            self.journal.drop(count)
            back -= count

    @precondition(lambda self: hasattr(self, "journal"))
    @invariant()
    def counts_agree(self) -> None:
        """Hold all counters against the list and the files."""
        journal = self.journal
        assert journal.entries == len(self.kept)
        for stream in STREAMS:
            assert journal.waiting[stream] == sum(kept.stream == stream for kept in self.kept)
        sizes = sum(path.stat().st_size for path in Path(self.folder.name).iterdir())
        assert journal.bytes == sizes
        assert (journal.since is None) == (not self.kept)

    def teardown(self) -> None:
        """Find everything, and no file after it."""
        if hasattr(self, "journal"):
            assert everything(self.journal) == self.kept
            assert list(Path(self.folder.name).iterdir()) == []
        self.folder.cleanup()


TestJournalAndList = JournalAndList.TestCase
TestJournalAndList.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def three_frames(folder: Path) -> tuple[bytes, list[int]]:
    """Return a file of three frames, and where each ends."""
    journal, ends = Journal(folder, MOST), []
    for number in (1, 2, 3):
        journal.add([entry(number), entry(number + 10, stream=ETH)])
        ends.append(journal.bytes)
    return only_file(folder).read_bytes(), ends


def numbers(entries: Sequence[Entry]) -> list[int]:
    return [one.position for one in entries if one.stream == BTC]


def test_a_file_cut_anywhere_gives_every_whole_frame_and_goes_on(tmp_path):
    data, ends = three_frames(tmp_path)
    path = only_file(tmp_path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        journal = Journal(tmp_path, MOST)
        whole = sum(end <= length for end in ends)
        start = 8 if length >= 8 else 0
        assert journal.torn == length - (ends[whole - 1] if whole else start)
        journal.add([entry(9)])
        assert numbers(everything(Journal(tmp_path, MOST))) == [*range(1, whole + 1), 9]


def test_a_flipped_bit_is_refused_with_its_place_and_never_hides_what_follows(tmp_path):
    data, ends = three_frames(tmp_path)
    path = only_file(tmp_path)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        if at >= ends[1] + 12:
            # The body of the very last record cannot be told from one whose writing was cut short.
            journal = Journal(tmp_path, MOST)
            assert (numbers(everything(journal)), journal.torn) == ([1, 2], len(data) - ends[1])
            continue
        start = max((end for end in ends if end <= at), default=0 if at < 8 else 8)
        with pytest.raises(StorageError, match=rf"0000000000000001\.journal at byte {start}:"):
            Journal(tmp_path, MOST)


def test_zeros_behind_the_last_frame_are_what_a_power_cut_leaves(tmp_path):
    data, _ = three_frames(tmp_path)
    only_file(tmp_path).write_bytes(data + bytes(100))
    journal = Journal(tmp_path, MOST)
    assert journal.torn == 100
    assert numbers(everything(journal)) == [1, 2, 3]


def test_a_file_that_ends_early_with_others_behind_it_is_damage(tmp_path):
    journal = Journal(tmp_path, 1_000)
    for number in range(1, 8):
        journal.add([entry(number, size=60)])
    first, *others = sorted(tmp_path.iterdir())
    assert others
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(StorageError, match=r"0001\.journal at byte \d+: cut off"):
        Journal(tmp_path, 1_000)


def test_a_file_of_another_program_is_refused(tmp_path):
    (tmp_path / f"{1:016d}.journal").write_bytes(b"#!/bin/sh\n")
    with pytest.raises(StorageError, match="no journal"):
        Journal(tmp_path, MOST)


def test_damage_that_comes_while_it_is_open_is_told_when_it_is_read(tmp_path):
    journal = Journal(tmp_path, MOST)
    journal.add([entry(1)])
    journal.add([entry(2)])
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(StorageError, match="it ends before byte"):
        journal.first(5)
    assert journal.entries == 2


def test_a_full_journal_refuses_and_keeps_what_it_has(tmp_path):
    journal = Journal(tmp_path, 2_000)
    size = len(framed([entry(1, size=100)]))
    fitting = 1
    while journal.bytes + size <= 2_000:
        journal.add([entry(fitting, size=100)])
        fitting += 1
    assert fitting > 8
    with pytest.raises(JournalFullError, match="of 2000 bytes"):
        journal.add([entry(fitting, size=100)])
    assert numbers(everything(journal)) == list(range(1, fitting))
    journal.add([entry(100)])


def test_an_empty_journal_takes_even_what_is_beyond_its_bound(tmp_path):
    journal = Journal(tmp_path, 1_000)
    journal.add([entry(1, size=5_000)])
    with pytest.raises(JournalFullError):
        journal.add([entry(2)])
    assert numbers(everything(journal)) == [1]


@pytest.mark.parametrize("begun", [True, False], ids=["in a file that grows", "in a new file"])
def test_a_disk_that_takes_half_a_record_loses_nothing_that_was_taken_before(tmp_path, begun):
    journal = Journal(tmp_path, MOST)
    if begun:
        journal.add([entry(1)])
    with files_end_at(journal.bytes + 50), pytest.raises(StorageError, match="too large"):
        journal.add([entry(2, size=500)])
    assert journal.entries == int(begun)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == journal.bytes
    assert Journal(tmp_path, MOST).entries == int(begun)

    journal.add([entry(3)])
    expected = [1, 3] if begun else [3]
    assert numbers(journal.first(5)) == expected
    assert numbers(everything(Journal(tmp_path, MOST))) == expected


def test_restamping_without_room_on_the_disk_changes_nothing(tmp_path):
    journal = Journal(tmp_path, MOST)
    journal.add([entry(1), entry(2)])
    assert len(journal.first(2)) == 2
    with files_end_at(20), pytest.raises(StorageError):
        journal.restamp(TakenError(BTC, 1, 7))
    assert numbers(journal.first(2)) == [1, 2]
    assert numbers(everything(Journal(tmp_path, MOST))) == [1, 2]


def test_it_tells_since_when_it_fills_and_how_high_its_positions_are(tmp_path):
    journal = Journal(tmp_path, MOST)
    journal.add([entry(5, received=50), entry(9, received=40)])
    journal.add([entry(7, stream=ETH, received=60)])
    assert journal.since == 50
    assert (Journal(tmp_path, MOST).highest, Journal(tmp_path, MOST).since) == (9, 50)
    assert len(everything(journal)) == 3
    assert journal.since is None
    journal.sync()
