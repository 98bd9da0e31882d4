"""Where an analyst stands, as one value that is stored together with what it told.

Each fold's state is kept under its name and version: one of another version, or one that cannot be
read, begins anew and the others go on. Raises UnreadableError where the whole cannot be read.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.processing.flow.followed_book import BookImage, FollowedBook
from cloud_marketdata.processing.flow.minutes import Minutes
from cloud_marketdata.processing.flow.moments import Fold, Quote
from cloud_marketdata.processing.flow.places import Cut
from cloud_marketdata.processing.flow.seconds import Seconds
from cloud_marketdata.processing.flow.stage import Stage

_FORMAT: Final = 1
_PACKED: Final = b"m"
_TEXT: Final = b"j"
_State = TypeVar("_State", bound=Struct)


class UnreadableError(ValueError):
    """The checkpoint is of another format, or damaged."""


class FoldState(Struct, frozen=True, array_like=True):
    """One fold's state as bytes, and by which rule it was made."""

    version: int
    state: bytes


class Checkpoint(Struct):
    """The merge's cut, the scene, the open second and minute, the book, and every fold."""

    format: int
    cut: Cut
    instrument: Instrument
    time: int
    quote: Quote | None
    before: Quote | None
    seconds: Seconds
    minutes: Minutes
    book: BookImage
    folds: dict[str, FoldState]


class Resumed(NamedTuple):
    """A stage that goes on where it stood, and the names of the folds that begin anew."""

    stage: Stage
    cut: Cut
    anew: list[str]


def written(stage: Stage, cut: Cut) -> bytes:
    """Return the checkpoint of a stage from which everything told has been taken."""
    scene = stage.scene
    standing = Checkpoint(
        _FORMAT,
        cut,
        scene.instrument,
        scene.time,
        scene.quote,
        scene.before,
        stage.seconds,
        stage.minutes,
        stage.followed.image(),
        {fold.name: FoldState(fold.version, _packed(fold)) for fold in stage.folds},
    )
    return _packed(standing)


def resumed(data: bytes, subject: Subject, kinds: Sequence[type[Fold]]) -> Resumed:
    """Return the stage that a checkpoint describes, with one fold of each kind."""
    try:
        read = _unpacked(data, Checkpoint)
    except (msgspec.MsgspecError, ValueError) as error:
        msg = f"a checkpoint cannot be read: {error}"
        raise UnreadableError(msg) from error
    if read.format != _FORMAT:
        msg = f"a checkpoint of format {read.format}, and this is {_FORMAT}"
        raise UnreadableError(msg)
    anew: list[str] = []
    folds = [_fold(kind, read.folds.get(kind.name), anew) for kind in kinds]
    stage = Stage(subject, read.instrument, folds)
    stage.followed, stage.seconds, stage.minutes = (
        FollowedBook.of(read.book),
        read.seconds,
        read.minutes,
    )
    scene = stage.scene
    scene.time, scene.quote, scene.before = read.time, read.quote, read.before
    scene.book = stage.followed.believed
    return Resumed(stage, read.cut, anew)


def _fold(kind: type[Fold], kept: FoldState | None, anew: list[str]) -> Fold:
    if kept is not None and kept.version == kind.version:
        try:
            return _unpacked(kept.state, kind)
        except (msgspec.MsgspecError, ValueError):
            pass
    if kept is not None:
        anew.append(kind.name)
    return kind()


def _packed(state: Struct) -> bytes:
    """Encode as msgpack, or as JSON where an integer is wider than msgpack has them."""
    try:
        return _PACKED + msgspec.msgpack.encode(state)
    except OverflowError:
        return _TEXT + msgspec.json.encode(state)


def _unpacked(data: bytes, kind: type[_State]) -> _State:
    if data[:1] == _TEXT:
        return msgspec.json.decode(data[1:], type=kind)
    return msgspec.msgpack.decode(data[1:], type=kind)
