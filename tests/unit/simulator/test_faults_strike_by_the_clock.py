"""Faults of sockets and of REST budgets, on a clock that the test turns."""

import msgspec
import pytest
from stagehand import Listener, Theatre, streams

from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.allowance import Allowance
from cloud_marketdata.simulator.connection import MOST_LATE, POLICY
from cloud_marketdata.simulator.faults.desk import set_faults
from cloud_marketdata.simulator.faults.language import FaultError
from cloud_marketdata.simulator.faults.replies import Lag, Refusal

pytestmark = pytest.mark.anyio
SPOT = Venue.BINANCE_SPOT


async def look(theatre: Theatre, seconds: float) -> None:
    """Let time pass in steps of a tenth of a second, looking at the clock after each."""
    end = theatre.clock.elapsed + seconds
    while theatre.clock.elapsed < end - 1e-9:
        theatre.clock.elapsed += 0.1
        await theatre.mischief.tick()


def closed(listeners: list[Listener]) -> list[bool]:
    return [bool(listener.closed) for listener in listeners]


async def test_a_cut_closes_whom_it_names_at_its_moment_and_only_then():
    theatre = Theatre(SPOT, "cut after=2s client=2")
    listeners = [theatre.enter() for _ in range(3)]
    await look(theatre, 1.8)
    assert closed(listeners) == [False, False, False]
    await look(theatre, 0.4)
    assert closed(listeners) == [False, True, False]
    listeners.append(theatre.enter())
    await look(theatre, 60)
    assert closed(listeners) == [False, True, False, False]
    assert theatre.struck == [1]


async def test_a_cut_comes_again_each_period_to_the_oldest_then():
    theatre = Theatre(SPOT, "cut client=oldest every=5s after=5s times=3")
    listeners = [theatre.enter() for _ in range(5)]
    gone = []
    for _ in range(5):
        await look(theatre, 5.1)
        gone.append(sum(closed(listeners)))
    assert gone == [1, 2, 3, 3, 3]
    assert closed(listeners) == [True, True, True, False, False]


async def test_moments_that_were_missed_are_not_made_up_for():
    theatre = Theatre(SPOT, "cut client=oldest every=1s")
    listeners = [theatre.enter() for _ in range(4)]
    theatre.clock.elapsed += 10
    await theatre.mischief.tick()
    await theatre.mischief.tick()
    assert sum(closed(listeners)) == 1


async def test_an_age_ends_each_connection_at_its_own_time():
    theatre = Theatre(SPOT, "cut age=10s")
    first = theatre.enter()
    await look(theatre, 6)
    second = theatre.enter()
    await look(theatre, 5)
    assert closed([first, second]) == [True, False]
    await look(theatre, 6)
    assert closed([first, second]) == [True, True]


async def test_a_half_open_socket_gets_nothing_more_and_is_not_closed():
    theatre = Theatre(SPOT, "half-open after=1s times=1")
    struck, spared = (theatre.enter("btcusdt@trade") for _ in range(2))
    await theatre.send(100)
    before = list(struck.got)
    assert before == spared.got != []
    await look(theatre, 1.2)
    await theatre.send(100)
    assert struck.got == before
    assert len(spared.got) > len(before)
    assert closed([struck, spared]) == [False, False]
    assert struck.connection.deaf


async def test_each_socket_is_half_opened_once_and_new_ones_are_too_while_it_lasts():
    theatre = Theatre(SPOT, "half-open for=5s")
    listeners = [theatre.enter() for _ in range(3)]
    await look(theatre, 3)
    listeners.append(theatre.enter())
    await look(theatre, 3)
    listeners.append(theatre.enter())
    await look(theatre, 3)
    assert [listener.connection.deaf for listener in listeners] == [True] * 4 + [False]
    assert theatre.struck == [4]


@pytest.mark.parametrize("combined", [True, False])
async def test_binance_tells_of_its_shutdown_and_closes_after_the_grace(combined):
    theatre = Theatre(SPOT, "shutdown after=1s grace=3s")
    listener = theatre.enter()
    listener.connection.combined = combined
    await look(theatre, 1.2)
    (notice,) = listener.got
    told = msgspec.json.decode(notice)
    assert told.get("stream") == ("!serverShutdown" if combined else None)
    event = told["data"] if combined else told
    assert event == {"e": "serverShutdown", "E": event["E"]}
    late = theatre.enter()
    await look(theatre, 2.5)
    assert not listener.closed
    await look(theatre, 1)
    assert closed([listener, late]) == [True, False]


async def test_bybit_shuts_down_without_a_word():
    theatre = Theatre(Venue.BYBIT_LINEAR, "shutdown grace=1s")
    listener = theatre.enter()
    await look(theatre, 1.3)
    assert (listener.got, bool(listener.closed)) == ([], True)


async def test_who_speaks_too_often_in_a_second_is_shown_the_door():
    theatre = Theatre(SPOT, "limit inbound=5")
    calm, loud = theatre.enter(), theatre.enter()
    for n in range(20):
        await look(theatre, 0.1)
        if n % 2 == 0:
            calm.connection.heard.append(theatre.clock.elapsed)
        loud.connection.heard.append(theatre.clock.elapsed)
    assert (calm.closed, loud.closed) == (0, POLICY)


async def test_a_late_message_keeps_its_place_and_holds_what_follows():
    plain, theatre = Theatre(SPOT), Theatre(SPOT, "delay trade ms=300 at=3")
    whole, listener = (t.enter(*streams(SPOT, "trade")) for t in (plain, theatre))
    await plain.send(200)
    await theatre.send(100)
    assert listener.got == whole.got[:2]
    await look(theatre, 0.2)
    await theatre.send(100)
    assert listener.got == whole.got[:2]
    await look(theatre, 0.2)
    assert listener.got == whole.got
    assert not listener.connection.held


async def test_a_line_that_holds_too_much_is_cut():
    theatre = Theatre(SPOT)
    listener = theatre.enter()
    listener.connection.hold(1.0)
    async with listener.connection.turn:
        for _ in range(MOST_LATE):
            await listener.connection.send(b"{}")
        with pytest.raises(ConnectionResetError):
            await listener.connection.send(b"{}")
    assert listener.closed == POLICY
    theatre.mischief.audience.leave(listener.connection)
    assert theatre.mischief.audience.overrun == 1


async def test_a_refused_door_opens_again():
    theatre = Theatre(SPOT, "refuse for=3s")
    assert theatre.mischief.refuses()
    theatre.clock.elapsed = 3.5
    assert not theatre.mischief.refuses()
    assert theatre.struck == [1]


async def test_a_lagging_database_does_not_know_the_youngest_rows():
    theatre = Theatre(SPOT, "lag ms=800")
    tape = theatre.stage.tapes.aggregates("BTCUSDT")
    theatre.play(100)
    old = len(tape)
    theatre.clock.elapsed += 1
    theatre.play(100)
    (lag,) = theatre.mischief.of(Lag)
    assert 0 < len(lag.behind(tape)) == old < len(tape)
    theatre.clock.elapsed += 1
    assert len(lag.behind(tape)) == len(tape)
    assert theatre.struck == [1]


def spend(theatre: Theatre, allowance: Allowance, weight: int) -> Refusal | None:
    allowance.spend(weight)
    return allowance.refusal(theatre.mischief)


async def test_binance_asks_to_wait_and_bans_who_goes_on_asking():
    theatre = Theatre(SPOT, "limit weight=100 ban=90s")
    allowance = Allowance(Exchange.BINANCE, theatre.clock)
    theatre.clock.elapsed = 60 - theatre.clock.now() // 10**9 % 60  # a minute begins
    assert [spend(theatre, allowance, 50) for _ in range(2)] == [None, None]
    theatre.clock.elapsed += 10
    refused = [spend(theatre, allowance, 1) for _ in range(4)]
    assert refused == [Refusal(429, 50)] * 3 + [Refusal(418, 90)]
    theatre.clock.elapsed += 60
    assert spend(theatre, allowance, 1) == Refusal(418, 30)
    theatre.clock.elapsed += 30
    assert spend(theatre, allowance, 1) is None
    assert theatre.struck == [5]


async def test_who_waits_for_the_next_minute_is_not_banned():
    theatre = Theatre(SPOT, "limit weight=100")
    allowance = Allowance(Exchange.BINANCE, theatre.clock)
    for _ in range(5):
        refusal = spend(theatre, allowance, 101)
        assert refusal.status == 429
        theatre.clock.elapsed += refusal.retry_after
        assert spend(theatre, allowance, 100) is None
        theatre.clock.elapsed += 60


async def test_bybit_bans_at_once():
    theatre = Theatre(Venue.BYBIT_LINEAR, "limit weight=3")
    allowance = Allowance(Exchange.BYBIT, theatre.clock)
    refused = [spend(theatre, allowance, 1) for _ in range(5)]
    assert refused == [None, None, None, Refusal(403), Refusal(403)]
    theatre.clock.elapsed += 599
    assert spend(theatre, allowance, 1) == Refusal(403)
    theatre.clock.elapsed += 2
    assert spend(theatre, allowance, 1) is None


async def test_a_budget_without_a_limit_refuses_nobody():
    theatre = Theatre(SPOT)
    allowance = Allowance(Exchange.BINANCE, theatre.clock)
    assert spend(theatre, allowance, 10**6) is None


async def test_rest_is_refused_by_the_end_of_its_path():
    theatre = Theatre(SPOT, "rest 429 path=depth times=2 retry-after=7; rest timeout path=time")
    refusal = theatre.mischief.refusal
    assert refusal("/api/v3/aggTrades") is None
    assert [refusal("/api/v3/depth") for _ in range(3)] == [Refusal(429, 7)] * 2 + [None]
    assert refusal("/api/v3/time") == Refusal(0)
    assert theatre.struck == [2, 1]


async def test_faults_go_to_the_venues_they_can_strike_at_or_nowhere():
    theatres = [Theatre(venue) for venue in (SPOT, Venue.BYBIT_LINEAR)]
    venues = [theatre.mischief for theatre in theatres]
    with pytest.raises(FaultError, match="can strike at no venue here"):
        set_faults("cut; restart venue=binance-spot", venues)
    with pytest.raises(FaultError, match="can strike at no venue here"):
        set_faults("cut venue=bybit-spot", venues)
    assert [mischief.report() for mischief in venues] == [[], []]
    set_faults("restart; lag ms=5; cut venue=binance-spot; drop any", venues)
    told = [[row["fault"] for row in mischief.report()] for mischief in venues]
    assert told == [
        ["lag ms=5", "cut venue=binance-spot", "drop any"],
        ["restart depth", "drop any"],
    ]
