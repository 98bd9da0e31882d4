"""Commands around captures: simulate, replay, record."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Any, Literal, TypeVar

import uvloop
from cyclopts import App, Parameter, validators

from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import load
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.core.logs import configure
from cloud_marketdata.domain.values import Venue

Positive = Annotated[int, Parameter(validator=validators.Number(gte=0))]
Counted = Annotated[int, Parameter(validator=validators.Number(gte=1))]
T = TypeVar("T")
_PR_SET_PDEATHSIG = 1


def register(app: App) -> None:
    """Add the commands."""
    app.command(simulate)
    app.command(replay)
    app.command(record)


def simulate(  # noqa: PLR0913  a command's options are its parameters
    *,
    venue: list[Venue],
    capture: list[Path] | None = None,
    synthetic: bool = False,
    labelled: str | None = None,
    truth: Path | None = None,
    seed: int = 0,
    symbols: list[str] | None = None,
    instruments: Path | None = None,
    speed: str = "1",
    port: int = 0,
    start_after: float = 3.0,
    faults: list[str] | None = None,
    exit_with_parent: bool = False,
) -> None:
    """Serve a venue's own WebSocket and REST on 127.0.0.1 until stopped; prints its port as JSON.

    Args:
        venue: the venue to speak as; several may share the port where the market is synthetic.
        capture: files of one recording to play.
        synthetic: play a seeded market instead.
        labelled: play one with planted events, such as "kinds=sweep,stale_feed warm_s=60".
        truth: where the planted events are written down, as JSON lines.
        seed: the seed of that market.
        symbols: its symbols; BTCUSDT where none is named.
        instruments: file with ticks and lots.
        speed: multiple of recorded time, or max.
        port: 0 takes a free one.
        start_after: seconds after the latest subscription at which a capture starts, if not all
            of its trade and book streams have a subscriber before.
        faults: what goes wrong, such as "drop trade every=500; cut after=10s"; more can be set at
            /_faults while it runs.
        exit_with_parent: end when the process that started this one ends.
    """
    from cloud_marketdata.simulator.labelled.spec import read_spec  # noqa: PLC0415  as below
    from cloud_marketdata.simulator.staging import Simulation  # noqa: PLC0415  see the package

    if [bool(capture), synthetic, labelled is not None].count(True) != 1:
        msg = "simulate plays --capture FILE, --synthetic or --labelled SPEC, exactly one of them"
        raise BadRequestError(msg)
    if exit_with_parent:
        _die_with_parent()
    options = Simulation(
        venues=tuple(venue),
        captures=tuple(capture or ()),
        labelled=None if labelled is None else read_spec(labelled),
        truth=truth,
        symbols=tuple(symbols or ("BTCUSDT",)),
        seed=seed,
        instruments=instruments,
        speed=None if speed == "max" else _speed(speed),
        start_after_s=start_after,
        port=port,
        faults=tuple(faults or ()),
    )
    configure("warning")
    uvloop.run(_simulate(options))


def replay(
    *captures: Path,
    venue: Venue,
    instruments: Path | None = None,
    json: bool = False,
    drop_every: Positive = 0,
    drop_kind: Literal["depth", "trade"] = "depth",
) -> None:
    """Play captures through the real decode, validator, books and bars, offline.

    Args:
        captures: files of one recording, in order; gzip, zstd or plain. A folder stands for all
            segments of the venue in it.
        venue: whose frames they are.
        instruments: file with ticks and lots; without it the grid is learnt from the values.
        json: print one JSON document instead of a summary.
        drop_every: leave out every N-th message of a kind, to see that it is noticed.
        drop_kind: which kind to leave out.
    """
    from cloud_marketdata.record.names import segments_of  # noqa: PLC0415  see the package
    from cloud_marketdata.replay.instruments import read_instruments  # noqa: PLC0415
    from cloud_marketdata.replay.player import Drop, Player  # noqa: PLC0415
    from cloud_marketdata.replay.report import report  # noqa: PLC0415
    from cloud_marketdata.simulator.capture import read_capture  # noqa: PLC0415

    if not captures:
        msg = "replay needs at least one capture file"
        raise BadRequestError(msg)
    configure("warning")
    listed = read_instruments(instruments, venue) if instruments else []
    player = Player(venue, listed, Drop(drop_every, drop_kind))
    files = [
        path
        for given in captures
        for path in (segments_of(given, venue) if given.is_dir() else (given,))
    ]
    player.play(read_capture(files))
    document = report(player)
    if json:
        say_json(document)
    else:
        say(_summary(document))


def record(  # noqa: PLR0913  a command's options are its parameters
    *,
    venue: Venue,
    symbols: list[str],
    output: Path = Path("var/captures"),
    seconds: float | None = None,
    rotate_mb: Counted = 256,
    rotate_minutes: Counted = 60,
    config: Path | None = None,
    json: bool = False,
) -> None:
    """Keep a venue's raw frames in new segments until stopped or the time is over; they replay.

    Args:
        venue: whose frames to keep.
        symbols: which of its symbols.
        output: folder for the segments.
        seconds: how long; without it until Ctrl-C.
        rotate_mb: finish a segment at so many megabytes; it is then packed by zstd.
        rotate_minutes: finish a segment that is so old.
        config: TOML file with settings, such as endpoints.
        json: print the result as one JSON document.
    """
    from cloud_marketdata.record.recorder import Recorder, Recording  # noqa: PLC0415
    from cloud_marketdata.record.segments import Rotation  # noqa: PLC0415

    settings = load(config)
    configure(settings.log_level)
    rotation = Rotation(size=rotate_mb * 1_000_000, seconds=rotate_minutes * 60)
    recording = Recording(venue, tuple(symbols), output, rotation, seconds)
    recorder = Recorder(recording, settings, SystemClock(), SystemRandom())
    result = uvloop.run(_until_signal(recorder.run()))
    if json:
        say_json(result)
    else:
        say(
            f"kept {result['frames']} frames in {result['segments']} segments, "
            f"{result['first']} to {result['last']}"
        )


async def _simulate(options: Any) -> None:  # noqa: ANN401  the struct is imported by the command
    from cloud_marketdata.simulator.server import simulate as serve  # noqa: PLC0415

    async with serve(options, SystemClock()) as port:
        say_json({"port": port, "venues": [str(venue) for venue in options.venues]})
        await _stopped().wait()


def _stopped() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _until_signal(work: Coroutine[Any, Any, T]) -> T:
    """Await the work; a signal cancels it, and what it returns on that counts."""
    stopped = _stopped()
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
    watch.cancel()
    if not task.done():
        task.cancel()
    return await task


def _speed(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = f"--speed is a number or max, not {text!r}"
        raise BadRequestError(msg) from None


def _die_with_parent() -> None:
    """Ask the kernel (Linux) to end this process with its parent, however that one ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        raise SystemExit(0)


def _summary(document: dict[str, Any]) -> str:
    lines = [f"{document['venue']}: {document['frames']} frames, rejected {document['rejected']}"]
    for symbol, found in document["symbols"].items():
        book, profile = found["book"], found["profile"]
        lines.append(
            f"{symbol}: {found['trades']} trades, {found['duplicates']} repeated, "
            f"{len(found['trade_gaps'])} gaps, kept out {found['rejected']}"
        )
        lines.append(
            f"  book {book['state']}: {book['updates']} updates, {book['gaps']} gaps, "
            f"{book['resyncs']} resyncs, {book['crossed']} crossed, ticker "
            f"{book['ticker_equal']} equal {book['ticker_different']} different"
        )
        lines.append(
            f"  profile: POC {profile['poc']}, VAL {profile['val']}, VAH {profile['vah']} "
            f"({profile['va_method']}), {len(found['candles']['1m'])} minutes"
        )
        lines.append(f"  state {found['state_hash']}")
    return "\n".join(lines)
