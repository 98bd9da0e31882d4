"""What every store of flow minutes and signals promises."""

import asyncio
import random

import pytest
from contract_samples import VENUE
from flow_samples import EVER, MARKET, PAIR, M, changes, minute, signal

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.domain.signal import Signal, SignalKind, SignalState, Subject

pytestmark = pytest.mark.anyio


async def ids(stores, start: int = EVER[0], end: int = EVER[1], **asked: object) -> list[str]:
    """Return the names of a market's signals in the order of the answer."""
    return [one.id for one in await stores.flow.signals(MARKET, start, end, **asked)]


async def revisions(stores) -> tuple[list[int], list[int]]:
    """Return the revisions of a market's minutes and signals."""
    minutes = await stores.flow.minutes(MARKET, *EVER)
    signals = await stores.flow.signals(MARKET, *EVER)
    return [one.revision for one in minutes], [one.revision for one in signals]


async def test_minutes_signals_and_the_checkpoint_come_back_as_they_went_in(stores):
    told = minute(0, late=3), signal("a", 7)
    await stores.flow.save(MARKET, changes(*told, checkpoint=b"\x00state"), fence=4)

    [kept] = await stores.flow.minutes(MARKET, *EVER)
    assert kept == told[0]
    # Equal numbers of another type would be equal too.
    assert [type(value) for value in kept.readings["ofi"].values()] == [
        type(value) for value in told[0].readings["ofi"].values()
    ]
    assert [type(one) for one in kept.readings["ofi"]["floats"]] == [float, float]
    assert await stores.flow.signals(MARKET, *EVER) == [told[1]]
    assert await stores.flow.claim(MARKET, fence=4) == b"\x00state"


async def test_instruments_keep_the_decimals_they_are_written_with(stores):
    await stores.flow.save(MARKET, changes(minute(0), signal("a", 7)))

    [kept] = await stores.flow.minutes(MARKET, *EVER)
    [told] = await stores.flow.signals(MARKET, *EVER)
    assert str(kept.instrument.scale.tick) == str(told.instrument.scale.tick) == "0.10"


async def test_of_what_was_never_saved_there_is_nothing(stores):
    assert await stores.flow.claim(MARKET, fence=0) is None
    assert await stores.flow.minutes(MARKET, *EVER) == []
    assert await stores.flow.signals(MARKET, *EVER) == []
    assert await stores.flow.watched(MARKET, *EVER) is None
    assert await stores.flow.forget(MARKET, minutes=1 << 62, signals=1 << 62) == 0
    # Neither a claim nor a question makes a subject of it.
    assert await stores.flow.subjects() == []


async def test_an_empty_checkpoint_is_one(stores):
    await stores.flow.save(MARKET, changes(checkpoint=b""))

    assert await stores.flow.claim(MARKET, fence=0) == b""
    assert await stores.flow.subjects() == [MARKET]


async def test_a_checkpoint_replaces_the_one_before(stores):
    for state in (b"first", b"second"):
        await stores.flow.save(MARKET, changes(checkpoint=state))

    assert await stores.flow.claim(MARKET, fence=0) == b"second"


async def test_whoever_tells_of_a_signal_needs_no_token_and_changes_no_checkpoint(stores):
    await stores.flow.save(MARKET, changes(signal("a", 5), checkpoint=b"maker"), fence=9)
    await stores.flow.tell(MARKET, [signal("b", 6), signal("b", 7, revision=1)])
    await stores.flow.tell(MARKET, [signal("b", 8)])

    assert [(one.id, one.detected) for one in await stores.flow.signals(MARKET, *EVER)] == [
        ("a", 5),
        ("b", 7),
    ]
    assert await stores.flow.claim(MARKET, fence=9) == b"maker"
    with pytest.raises(FencedError):
        await stores.flow.save(MARKET, changes(), fence=8)


async def test_a_subject_is_known_once_a_signal_of_it_was_told(stores):
    await stores.flow.claim(MARKET, fence=3)
    assert await stores.flow.subjects() == []
    await stores.flow.tell(MARKET, [signal("a", 5)])
    await stores.flow.tell(PAIR, [])

    assert await stores.flow.subjects() == sorted([MARKET, PAIR])
    assert await stores.flow.claim(MARKET, fence=3) is None
    assert await stores.flow.watched(MARKET, *EVER) is None
    with pytest.raises(FencedError):
        await stores.flow.save(MARKET, changes(), fence=2)
    await stores.flow.save(PAIR, changes(checkpoint=b"pair"))
    assert await stores.flow.claim(PAIR, fence=0) == b"pair"


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (2, 1)])
async def test_a_lower_revision_replaces_nothing(stores, before, after):
    first = minute(0, before, late=1), signal("a", 5, revision=before)
    second = (
        minute(0, after, late=2),
        signal("a", 6, revision=after, state=SignalState.RESOLVED, kind=SignalKind.ABSORPTION),
    )
    await stores.flow.save(MARKET, changes(*first))
    await stores.flow.save(MARKET, changes(*second, checkpoint=b"second"))

    stands = second if after >= before else first
    assert await stores.flow.minutes(MARKET, *EVER) == [stands[0]]
    assert await stores.flow.signals(MARKET, *EVER) == [stands[1]]
    assert await stores.flow.claim(MARKET, fence=0) == b"second"


async def test_a_signal_is_found_where_its_newest_telling_was_detected(stores):
    await stores.flow.save(MARKET, changes(signal("a", 5)))
    newer = signal("a", 9, revision=1, kind=SignalKind.ICEBERG_SUSPECTED)
    await stores.flow.save(MARKET, changes(newer))

    assert await ids(stores, 5, 6) == []
    assert await ids(stores, 9, 10, kinds=[SignalKind.ICEBERG_SUSPECTED]) == ["a"]


async def test_of_two_tellings_in_one_save_the_higher_revision_counts(stores):
    told = [signal("a", 5, revision=2), signal("a", 5, revision=1), signal("a", 5, revision=2)]
    told[2] = signal("a", 5, revision=2, state=SignalState.BROKEN)
    await stores.flow.save(MARKET, changes(*told, minute(0, 1), minute(0, 0)))

    assert await revisions(stores) == ([1], [2])
    [kept] = await stores.flow.signals(MARKET, *EVER)
    assert kept.state is SignalState.BROKEN


async def test_ranges_are_half_open_and_ascending(stores):
    told = [signal("b", 5), signal("a", 9), signal("c", 5), signal("d", 10), signal("e", 4)]
    await stores.flow.save(MARKET, changes(*map(minute, (3, 1, 2, 4)), *told))

    found = await stores.flow.minutes(MARKET, M, 4 * M)
    assert [one.start // M for one in found] == [1, 2, 3]
    assert await stores.flow.minutes(MARKET, 2 * M, 2 * M) == []
    assert await ids(stores, 5, 10) == ["b", "c", "a"]
    assert await ids(stores, 10, 5) == []


async def test_signals_are_ordered_by_time_and_then_by_the_bytes_of_their_names(stores):
    names = ["sweep:b:10", "sweep:b:9", "Sweep", "ß", "\uffff", "\U00010000", "~"]
    await stores.flow.save(MARKET, changes(*(signal(name, 5) for name in names), signal("z", 4)))

    assert await ids(stores) == ["z", *sorted(names)]


async def test_pages_of_any_length_show_every_signal_once(stores):
    told = [signal(f"{at}-{number}", at) for at in (1, 2, 3) for number in range(4)]
    await stores.flow.save(MARKET, changes(*told))

    for limit in (1, 3, 4, 12, 13):
        shown: list[Signal] = []
        page = await stores.flow.signals(MARKET, *EVER, limit=limit)
        while page:
            shown += page
            assert len(shown) <= len(told)
            last = page[-1]
            page = await stores.flow.signals(
                MARKET, last.detected, EVER[1], after=last.id, limit=limit
            )
        assert [one.id for one in shown] == [one.id for one in told]


async def test_after_passes_over_nothing_that_was_detected_later(stores):
    await stores.flow.save(MARKET, changes(signal("b", 5), signal("a", 6), signal("c", 6)))

    assert await ids(stores, 5, 7, after="b") == ["a", "c"]
    assert await ids(stores, 5, 7, after="a") == ["b", "a", "c"]


async def test_only_signals_of_the_wanted_kinds_count_towards_the_limit(stores):
    kinds = [SignalKind.SWEEP, SignalKind.ABSORPTION, SignalKind.WASH_LIKE]
    told = [signal(f"{at}", at, kind=kinds[at % 3]) for at in range(1, 10)]
    await stores.flow.save(MARKET, changes(*told))

    assert await ids(stores, kinds=[SignalKind.SWEEP], limit=2) == ["3", "6"]
    assert await ids(stores, kinds=set(kinds[:2]), limit=3) == ["1", "3", "4"]
    assert await ids(stores, kinds=[SignalKind.FEED_RATE]) == []
    assert len(await ids(stores)) == 9


async def test_subjects_do_not_see_each_other(stores):
    ours, other = signal("a", 5), signal("a", 5, revision=3)
    await stores.flow.save(MARKET, changes(minute(1), ours, checkpoint=b"ours"), fence=9)
    await stores.flow.save(PAIR, changes(minute(2, 1), other, checkpoint=b"other"), fence=2)

    assert await revisions(stores) == ([0], [0])
    assert await stores.flow.claim(PAIR, fence=2) == b"other"
    assert await stores.flow.signals(PAIR, *EVER) == [other]
    assert await stores.flow.forget(MARKET, minutes=1 << 62, signals=1 << 62) == 2
    assert len(await stores.flow.minutes(PAIR, *EVER)) == 1


async def test_subjects_are_sorted_and_outlive_what_was_forgotten(stores):
    eth = Subject.market(VENUE, "ETHUSDT")
    for subject in (eth, PAIR, MARKET):
        await stores.flow.save(subject, changes(minute(1)))
    await stores.flow.forget(MARKET, minutes=1 << 62, signals=1 << 62)

    assert await stores.flow.subjects() == sorted([eth, PAIR, MARKET])


async def test_forgetting_removes_what_is_before_and_nothing_else(stores):
    told = [signal("a", 4), signal("b", 5), signal("c", 6)]
    await stores.flow.save(MARKET, changes(*map(minute, (1, 2, 3)), *told, checkpoint=b"on"))

    assert await stores.flow.forget(MARKET, minutes=3 * M, signals=5) == 3
    assert [one.start // M for one in await stores.flow.minutes(MARKET, *EVER)] == [3]
    assert await ids(stores) == ["b", "c"]
    assert await stores.flow.claim(MARKET, fence=0) == b"on"
    assert await stores.flow.forget(MARKET, minutes=3 * M, signals=5) == 0


async def test_what_was_looked_at_is_told_from_the_first_minute_that_was_ever_saved(stores):
    await stores.flow.save(MARKET, changes(signal("a", 1)))
    assert await stores.flow.watched(MARKET, *EVER) is None
    for start in (5, 3, 7, 4):
        await stores.flow.save(MARKET, changes(minute(start)))
        await stores.flow.save(MARKET, changes())

    known = await stores.flow.watched(MARKET, 4 * M, 7 * M)
    assert (known.began, known.oldest, known.minutes) == (3 * M, 3 * M, 2)
    assert known.newest == minute(7)


async def test_what_was_looked_at_is_known_where_the_minutes_are_forgotten(stores):
    await stores.flow.save(MARKET, changes(*map(minute, (3, 4, 5))))
    await stores.flow.forget(MARKET, minutes=5 * M, signals=0)
    known = await stores.flow.watched(MARKET, *EVER)
    assert (known.began, known.oldest, known.minutes) == (3 * M, 5 * M, 1)

    await stores.flow.forget(MARKET, minutes=6 * M, signals=0)
    known = await stores.flow.watched(MARKET, *EVER)
    assert (known.began, known.oldest, known.minutes, known.newest) == (3 * M, None, 0, None)


async def test_a_lower_token_than_one_that_was_seen_stores_nothing(stores):
    await stores.flow.save(MARKET, changes(minute(1), checkpoint=b"later"), fence=8)

    told = changes(minute(1, 5), minute(2), signal("a", 5), checkpoint=b"earlier")
    with pytest.raises(FencedError):
        await stores.flow.save(MARKET, told, fence=7)
    with pytest.raises(FencedError):
        await stores.flow.claim(MARKET, fence=7)

    assert await revisions(stores) == ([0], [])
    assert await stores.flow.claim(MARKET, fence=8) == b"later"
    assert (await stores.flow.watched(MARKET, *EVER)).minutes == 1


async def test_a_claim_keeps_the_owner_before_out_and_stores_nothing_else(stores):
    await stores.flow.save(MARKET, changes(minute(1), checkpoint=b"old"), fence=3)
    assert await stores.flow.claim(MARKET, fence=4) == b"old"

    with pytest.raises(FencedError):
        await stores.flow.save(MARKET, changes(minute(2)), fence=3)

    await stores.flow.save(MARKET, changes(minute(3), checkpoint=b"new"), fence=4)
    assert await stores.flow.claim(MARKET, fence=4) == b"new"
    assert (await stores.flow.watched(MARKET, *EVER)).began == M


async def test_a_refused_token_changes_nothing_for_the_one_that_is_in_force(stores):
    await stores.flow.claim(MARKET, fence=5)
    for _ in range(2):
        with pytest.raises(FencedError):
            await stores.flow.claim(MARKET, fence=4)

    await stores.flow.save(MARKET, changes(minute(1)), fence=5)
    assert await revisions(stores) == ([0], [])


async def test_of_many_savers_at_once_the_highest_token_stands(stores):
    async def save(fence: int) -> None:
        try:
            told = changes(minute(0, late=fence), checkpoint=bytes([fence]))
            await stores.flow.save(MARKET, told, fence=fence)
        except FencedError:
            return

    async with asyncio.TaskGroup() as group:
        for fence in (3, 1, 8, 2, 7, 4, 6, 5):
            group.create_task(save(fence))

    [kept] = await stores.flow.minutes(MARKET, *EVER)
    assert kept.late == 8
    assert await stores.flow.claim(MARKET, fence=8) == bytes([8])


@pytest.mark.parametrize("seed", range(5))
async def test_any_story_of_tellings_ends_with_the_highest_revisions(stores, seed):
    chance = random.Random(seed)  # noqa: S311  a story that can be told again, no secret
    expected: dict[str, Signal] = {}
    for _ in range(12):
        told = [_any_signal(chance) for _ in range(chance.randrange(4))]
        await stores.flow.save(MARKET, changes(*told))
        for one in told:
            if one.id not in expected or expected[one.id].revision <= one.revision:
                expected[one.id] = one
    in_order = sorted(expected.values(), key=lambda one: (one.detected, one.id))
    before = chance.randrange(4)

    assert await stores.flow.signals(MARKET, *EVER) == in_order
    gone = await stores.flow.forget(MARKET, minutes=0, signals=before)
    left = [one for one in in_order if one.detected >= before]
    assert gone == len(in_order) - len(left)
    assert await stores.flow.signals(MARKET, *EVER) == left


def _any_signal(chance: random.Random) -> Signal:
    kind = chance.choice([SignalKind.SWEEP, SignalKind.ABSORPTION])
    name, detected = chance.choice("abcdef"), chance.randrange(5)
    return signal(name, detected, kind=kind, revision=chance.randrange(3))
