"""A relieving link waits for a book whose snapshot is ahead of its stream."""

import pytest
from sessions import spot_book
from test_sessions_settle import Stream, patient

from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.storage.ports import BookState

pytestmark = pytest.mark.anyio


async def test_a_relief_waits_until_the_stream_has_caught_up_with_a_snapshot_that_is_ahead():
    world = patient()
    stream = Stream(world)
    async with world.running():
        await stream.begin()
        await stream.go_on(60)
        world.rest.bodies["/depth"] = spot_book(stream.at + 2)  # REST is ahead of the stream
        await stream.go_on(6)
        assert world.session.rotations == 1
        assert world.kept.views[-1].state is BookState.SYNCED
        assert not {StatusKind.BOOK_LOST, StatusKind.BOOK_GAP} & set(world.facts), world.detail(
            StatusKind.BOOK_LOST
        )
