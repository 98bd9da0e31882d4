"""What a connection itself has to say: replies, refusals, the end, and what befell a channel."""

from typing import Any

from pydantic import BaseModel, ValidationError

from cloud_marketdata.api.errors import Problem, Problems, faults_of
from cloud_marketdata.api.stream.frame_models import Standing, StatusFrame
from cloud_marketdata.api.stream.messages import (
    ChannelResult,
    Farewell,
    Got,
    Params,
)
from cloud_marketdata.api.stream.outbox import Conflated, Outbox, Parting
from cloud_marketdata.api.stream.ports import Channel, Frame, FrameKind
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS


class Voice:
    """Makes the frames that are one connection's own."""

    def __init__(self, clock: Clock, problems: Problems) -> None:
        self._clock = clock
        self._problems = problems

    def now_ms(self) -> int:
        """Return the time that a message carries."""
        return self._clock.now() // NS_PER_MS

    def problem(self, error: Exception) -> Problem:
        """Describe a failure with the codes of REST."""
        if isinstance(error, ValidationError):
            listed = error.errors(include_url=False, include_context=False, include_input=False)
            return self._problems.invalid(faults_of([dict(one) for one in listed]))
        return self._problems.of(error)

    def conflated(self, told: Conflated) -> Frame:
        """Tell that frames were left out, just before the snapshot that makes up for it."""
        detail = f"{told.left_out} frames were left out for this reader; a snapshot follows"
        standing = Standing(code="conflated", detail=detail, conflated=told.left_out)
        return self._status(told.channel, standing, told.snapshot.epoch, told.snapshot.seq)

    def failed(self, channel: Channel, problem: Problem) -> Frame:
        """Tell that a subscription is over because it could not be joined."""
        standing = Standing(code=problem.code, detail=problem.detail, ended=True)
        return self._status(channel, standing, "", 0)

    def _status(self, channel: Channel, standing: Standing, epoch: str, seq: int) -> Frame:
        frame = StatusFrame(
            channel=channel.name,
            venue=channel.venue,
            symbol=channel.symbol,
            params=params_of(channel),
            epoch=epoch,
            seq=seq,
            ts=self.now_ms(),
            type=FrameKind.STATUS,
            data=standing,
        )
        return Frame(FrameKind.STATUS, seq, text_of(frame), epoch)


def own(message: BaseModel) -> Frame:
    """Wrap a message that concerns the connection and not a channel."""
    return Frame(FrameKind.STATUS, 0, text_of(message))


def text_of(message: BaseModel) -> str:
    """Encode a message; what is not set is left out."""
    return message.model_dump_json(exclude_none=True, ensure_ascii=True)


def params_of(channel: Channel) -> Params | None:
    """Return the parameters as they go out; None where a channel has none."""
    return dict(channel.params) or None


def result(channel: Channel, **outcome: Any) -> ChannelResult:  # noqa: ANN401  the model's fields
    """Tell what became of a channel, with every parameter that was filled in."""
    return ChannelResult(
        name=channel.name,
        venue=channel.venue,
        symbol=channel.symbol,
        params=params_of(channel),
        **outcome,
    )


def farewell(parting: Parting, outbox: Outbox) -> Frame:
    """Tell why a connection ends, and how far each channel got that can be resumed."""
    last = [
        Got(
            name=channel.name,
            venue=channel.venue,
            symbol=channel.symbol,
            params=params_of(channel),
            epoch=frame.epoch,
            seq=frame.seq,
        )
        for channel, frame in outbox.sent.items()
    ]
    detail, code = parting.detail, parting.code
    return own(Farewell(close=parting.close, code=code, detail=detail, last=last))
