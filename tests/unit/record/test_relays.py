"""Of two connections one is written, the other follows whole; nothing is mixed, nothing missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.record.relay import Relay


class Connection:
    """A runner that remembers what it was told."""

    def __init__(self, name: str, newest: int = 0) -> None:
        self.name = name
        self.newest = newest
        self.behind = None

    def newest_ids(self):
        """Say how far its book came."""
        return {"BTCUSDT": self.newest}

    def follow(self, newest):
        """Remember."""
        self.behind = dict(newest)


def relayed(held_max: int = 1_000):
    written = []
    return Relay(lambda payload, at: written.append((payload, at)), held_max), written


@given(moves=st.lists(st.sampled_from(["frame old", "frame new", "new", "end old", "end new"])))
def test_each_connection_is_written_whole_and_after_the_one_before_it(moves):
    relay, written = relayed()
    running, sent = [], []

    def begin() -> None:
        connection = Connection(f"{len(sent)}")
        relay.join(connection)
        running.append(connection)
        sent.append([])

    begin()
    for at, move in enumerate([*moves, "end new", "end old"]):
        if move == "new" and len(running) < 2:
            begin()
        elif move.startswith("frame") and running:
            connection = running[0 if move == "frame old" else -1]
            frame = (connection.name.encode(), at)
            sent[int(connection.name)].append(frame)
            relay.take(connection, *frame)
        elif move.startswith("end") and running:
            relay.leave(running.pop(0 if move == "end old" else -1))
    assert written == [frame for frames in sent for frame in frames]


def test_the_one_that_takes_over_is_told_how_far_the_books_were_written():
    relay, _ = relayed()
    old, new = Connection("old", 7), Connection("new", 5)
    relay.join(old)
    relay.join(new)
    assert (old.behind, new.behind) == ({}, None)
    relay.leave(old)
    assert new.behind == {"BTCUSDT": 7}


def test_the_first_after_a_loss_is_told_too():
    relay, _ = relayed()
    lost, next_one = Connection("lost", 7), Connection("next")
    relay.join(lost)
    relay.leave(lost)
    relay.join(next_one)
    assert next_one.behind == {"BTCUSDT": 7}


def test_what_a_failed_successor_brought_follows_with_the_next():
    relay, written = relayed()
    old, failed, last = (Connection(name) for name in "abc")
    relay.join(old)
    relay.join(failed)
    relay.take(failed, b"only here", 1)
    relay.leave(failed)
    relay.take(old, b"old", 2)
    relay.join(last)
    relay.leave(old)
    assert written == [(b"old", 2), (b"only here", 1)]


@pytest.mark.parametrize("number", [1, 9, 10, 11, 50])
def test_held_frames_are_bounded_and_those_that_go_are_counted(number):
    relay, written = relayed(held_max=10)
    old, new = Connection("old"), Connection("new")
    relay.join(old)
    relay.join(new)
    for at in range(number):
        relay.take(new, b"x", at)
    relay.leave(old)
    assert relay.forgotten == max(0, number - 10)
    assert written == [(b"x", at) for at in range(relay.forgotten, number)]


def test_one_that_left_is_not_heard_any_more_and_leaving_twice_is_leaving_once():
    relay, written = relayed()
    old, new = Connection("old"), Connection("new")
    relay.join(old)
    relay.join(new)
    relay.leave(old)
    relay.leave(old)
    relay.take(old, b"late", 1)
    relay.take(new, b"new", 2)
    assert written == [(b"new", 2)]
