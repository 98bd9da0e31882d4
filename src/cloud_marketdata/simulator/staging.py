"""From options to a venue on stage: what is played, by whom, and how fast.

Captures play one venue; seeded markets play any number of them. Options that contradict each other
and captures that cannot be read are refused here, before anything is served.
"""

import math
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.binance import BinanceVenue
from cloud_marketdata.simulator.bybit import BybitVenue
from cloud_marketdata.simulator.capture import read_capture
from cloud_marketdata.simulator.faults.desk import set_faults
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.faults.striker import Scene
from cloud_marketdata.simulator.labelled.markets import LabelledMarkets, Labels
from cloud_marketdata.simulator.labelled.spec import Spec
from cloud_marketdata.simulator.labelled.truth import TruthFile
from cloud_marketdata.simulator.listing import choose, read_listings
from cloud_marketdata.simulator.playback import Pace
from cloud_marketdata.simulator.recording import Recording
from cloud_marketdata.simulator.survey import Survey, early_books, survey
from cloud_marketdata.simulator.synthetic import SeededMarkets, streams_of

MOST_PORT: Final = 65_535


class Simulation(Struct, frozen=True, kw_only=True):
    """What to simulate.

    captures: files of one recording, of the only venue; none: seeded markets.
    labelled: what is planted in the seeded markets, and truth, where that is told as JSON lines;
    each venue hears the news `lag_ms` later than the one named before it.
    symbols and seed: of the seeded markets. instruments: a file of ticks and lots, else the
    well-known ones, and for a capture the decimals it uses.
    speed: multiple of recorded time, or None for as fast as the clients read.
    start_after_s: a capture starts when each of its trade and book streams has a subscriber, or
    this many seconds after the latest subscription.
    port: on 127.0.0.1; 0 takes a free one.
    faults: what goes wrong, in the fault language.
    """

    venues: tuple[Venue, ...]
    captures: tuple[Path, ...] = ()
    labelled: Spec | None = None
    truth: Path | None = None
    symbols: tuple[str, ...] = ("BTCUSDT",)
    seed: int = 0
    instruments: Path | None = None
    speed: float | None = 1.0
    start_after_s: float = 3.0
    port: int = 0
    faults: tuple[str, ...] = ()


class Act(Struct):
    """A venue, what it plays, how, and what goes wrong."""

    stage: BinanceVenue | BybitVenue
    source: Recording | SeededMarkets | LabelledMarkets
    pace: Pace
    mischief: Mischief


def prepare(options: Simulation, clock: Clock) -> list[Act]:
    """Return one act a venue; raises BadRequestError (CaptureError) where that cannot be."""
    complaint = _complaint(options)
    if complaint:
        raise BadRequestError(complaint)
    if options.captures:
        acts = [_recorded(options, options.venues[0], clock)]
    else:
        file = TruthFile(options.truth) if options.truth else None
        acts = [_seeded(options, venue, file, clock) for venue in options.venues]
    for text in options.faults:
        set_faults(text, [act.mischief for act in acts])
    return acts


def _complaint(options: Simulation) -> str:
    """Return the first thing that is wrong, or nothing."""
    captured, speed = bool(options.captures), options.speed
    doubled = len(set(options.venues)) < len(options.venues)
    wrong = {
        "name each venue to simulate once": not options.venues or doubled,
        "a capture is of one venue; name only that one": captured and len(options.venues) > 1,
        "nothing can be planted in a capture": captured and options.labelled,
        "a file of truths needs a labelled market": options.truth and not options.labelled,
        "name at least one symbol to simulate": not captured and not options.symbols,
        f"the speed must be a number above zero, not {speed}": (
            speed is not None and not 0 < speed < math.inf
        ),
        f"port {options.port} is not between 0 and {MOST_PORT}": (
            not 0 <= options.port <= MOST_PORT
        ),
    }
    return next((complaint for complaint, holds in wrong.items() if holds), "")


def _recorded(options: Simulation, venue: Venue, clock: Clock) -> Act:
    held = survey(read_capture(options.captures))
    if not held.listings:
        msg = f"{options.captures[0]}: the capture holds no stream of any symbol"
        raise BadRequestError(msg)
    if options.instruments:
        held.listings.update(read_listings(options.instruments, venue))
    pace = Pace(options.speed, waits=True, start_after_s=options.start_after_s)
    source = Recording(options.captures)
    if venue.exchange is Exchange.BYBIT:
        return _act(options, BybitVenue(venue, held), source, pace, clock)
    early = early_books(venue, read_capture(options.captures), held.listings)
    stage = BinanceVenue(venue, held, clock.monotonic, early)
    return _act(options, stage, source, pace, clock)


def _seeded(options: Simulation, venue: Venue, file: TruthFile | None, clock: Clock) -> Act:
    listings = choose(venue, options.symbols, options.instruments)
    source: SeededMarkets | LabelledMarkets
    spec, seed, start = options.labelled, options.seed, clock.now()
    if spec:
        lag = spec.lag_ms * options.venues.index(venue)
        labels = Labels(msgspec.structs.replace(spec, lag_ms=lag), file)
        source = LabelledMarkets(venue, listings.values(), labels, seed, start)
    else:
        source = SeededMarkets(venue, listings.values(), seed, start)
    pace = Pace(options.speed, waits=options.speed is None, start_after_s=options.start_after_s)
    held = Survey(streams_of(venue, listings), listings)
    if venue.exchange is Exchange.BYBIT:
        return _act(options, BybitVenue(venue, held), source, pace, clock)
    return _act(options, BinanceVenue(venue, held, clock.monotonic), source, pace, clock)


def _act(
    options: Simulation,
    stage: BinanceVenue | BybitVenue,
    source: Recording | SeededMarkets | LabelledMarkets,
    pace: Pace,
    clock: Clock,
) -> Act:
    def refine(symbol: str, parts: int) -> None:
        listing = stage.listings[symbol]
        finer = msgspec.structs.replace(listing, tick=listing.tick / parts)
        stage.listings[symbol] = finer
        assert not isinstance(source, LabelledMarkets), "none of its symbols is told to faults"
        source.refine(finer)

    # A labelled market keeps its tick: plants know prices.
    symbols = () if isinstance(source, LabelledMarkets) else tuple(stage.listings)
    scene = Scene(clock, stage.snapshot, refine, symbols)
    return Act(stage, source, pace, Mischief(stage.venue, scene, options.seed))
