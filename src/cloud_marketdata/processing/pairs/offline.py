"""A pair over streams that are there as a whole: for scores, for tests, for a look at a capture."""

from collections.abc import Mapping, Sequence

from cloud_marketdata.processing.pairs.following import Following
from cloud_marketdata.processing.pairs.likes import Pair
from cloud_marketdata.processing.pairs.stage import Output, PairStage
from cloud_marketdata.storage.ports import Record, Stream


def compared(pair: Pair, streams: Mapping[Stream, Sequence[Record]]) -> Output:
    """Return the whole minutes of both markets' tapes, and each signal as it was told last.

    Records are in the order of their positions; a stream that is not there is silent. The minute
    that is open at the end is not told.
    """
    stage = PairStage(pair)
    following = Following(stage.places, 0)
    for index, stream in enumerate(pair.streams):
        following.take(index, streams.get(stream, ()), more=False)
    for told in following.release(everything=True):
        stage.take(told)
    made = stage.taken()
    return Output(made.minutes, list({one.id: one for one in made.signals}.values()))
