"""Public Binance clients receive what the capture holds, and keep the book the venue had."""

from decimal import Decimal
from typing import Any

from recorded import Recorded, best_levels
from stage import behind_tls, playing, received

SPEED = 60
# Whoever keeps no book takes it as fast as it can: nothing is dropped for a slow client.
QUICK = "max"
# How often a client's book and the venue's ticker have to meet at one update id. ccxt shows the
# newest of the updates that came since it was last asked, so that is a matter of load for it.
OFTEN = 100
ONCE = 1
# The taker's side, by whether the buyer was the maker.
SIDES = ("buy", "sell")


def met(tops: list[list[Any]], recorded: Recorded) -> list[tuple[list[Any], list[Any]]]:
    """Pair a client's best levels with the venue's own, where their update ids are equal."""
    tickers = best_levels(recorded)
    return [(sides, tickers[update]) for update, *sides in tops if update in tickers]


def exact(sides: list[list[str]]) -> list[list[Decimal]]:
    return [[Decimal(number) for number in level] for level in sides]


def assert_best_levels_are_the_venues(
    tops: list[list[Any]], recorded: Recorded, at_least: int
) -> None:
    pairs = met(tops, recorded)

    assert len(pairs) >= at_least
    assert [(own, theirs) for own, theirs in pairs if exact(own) != exact(theirs)] == []


def test_python_binance_gets_every_spot_trade_and_keeps_the_venues_book(spot):
    trades, depth = spot.messages["trade"], spot.messages["depth"]
    last, updates = trades[-1]["t"], {d["E"]: d["u"] for d in depth}
    with playing("binance-spot", spot.path, SPEED) as port:
        told = received("python_binance_spot", port, last, depth[-1]["E"])

    assert told["trades"] == [[t["t"], t["p"], t["q"], t["m"]] for t in trades]
    assert told["rows"] == list(range(last - 9, last + 1))
    tops = [[updates[time], *sides] for time, *sides in told["tops"]]
    assert_best_levels_are_the_venues(tops, spot, OFTEN)


def test_python_binance_gets_every_usdm_trade_from_both_its_sockets(usdm):
    trades = usdm.messages["trade"]
    with playing("binance-usdm", usdm.path, QUICK) as port:
        told = received("python_binance_usdm", port, trades[-1]["t"])

    assert told["trades"] == [[t["t"], t["p"], t["q"], t["m"]] for t in trades]
    assert told["aggregates"] == [t["t"] for t in trades]
    assert told["symbols"] == ["BTCUSDT"]
    assert len(told["book"]["bids"]) == 5


def test_cryptofeed_gets_every_spot_trade_and_keeps_the_venues_book(spot, tmp_path):
    trades, depth = spot.messages["trade"], spot.messages["depth"]
    updates = {d["E"]: d["u"] for d in depth}
    certificate = tmp_path / "certificate.pem"
    with (
        playing("binance-spot", spot.path, SPEED) as port,
        behind_tls(port, certificate) as tls,
    ):
        last = (trades[-1]["t"], depth[-1]["E"])
        told = received("cryptofeed_spot", port, tls, *last, SSL_CERT_FILE=str(certificate))

    assert told["trades"] == [[t["t"], t["p"], t["q"], SIDES[t["m"]]] for t in trades]
    tops = [[updates[time], *sides] for time, *sides in told["tops"]]
    assert_best_levels_are_the_venues(tops, spot, OFTEN)


def test_ccxt_gets_every_spot_trade_and_keeps_the_venues_book(spot):
    told = by_ccxt("binance-spot", "spot", spot)

    assert told["precision"]["price"] == 0.01


def test_ccxt_gets_every_usdm_trade_and_keeps_the_venues_book(usdm):
    told = by_ccxt("binance-usdm", "linear", usdm)

    assert told["precision"]["price"] == 0.1


def by_ccxt(venue: str, kind: str, recorded: Recorded) -> dict[str, Any]:
    """Let ccxt listen, and check all that is the same on both venues."""
    trades, depth = recorded.messages["trade"], recorded.messages["depth"]
    last = trades[-1]["t"]
    with playing(venue, recorded.path, SPEED) as port:
        told = received("ccxt_binance", kind, port, last, depth[-1]["u"])

    assert told["trades"] == [[t["t"], t["p"], t["q"], SIDES[t["m"]]] for t in trades]
    assert told["rows"] == [str(number) for number in range(last - 9, last + 1)]
    assert_best_levels_are_the_venues(told["tops"], recorded, ONCE)
    assert told["kept"] == told["asked"]
    assert (told["kept"]["nonce"], len(told["kept"]["bids"])) == (depth[-1]["u"], 100)
    return told
