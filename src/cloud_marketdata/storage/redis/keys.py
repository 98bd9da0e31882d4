"""Every key of a deployment in Redis, in one place.

Whatever belongs to one market shares a hash tag and so a slot of a cluster: a script may then touch
a stream and all that is kept beside it at once. The prefix keeps deployments on one server apart.
"""

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stream, StreamKind


class Keys:
    """Names below one prefix."""

    def __init__(self, prefix: str = "md") -> None:
        self._prefix = prefix

    @property
    def schema(self) -> str:
        """String: the version of everything below the prefix."""
        return f"{self._prefix}:schema"

    @property
    def epoch(self) -> str:
        """String: what tells this log from one that was here before."""
        return f"{self._prefix}:epoch"

    @property
    def streams(self) -> str:
        """Set: the streams that were ever appended to."""
        return f"{self._prefix}:streams"

    @property
    def appended(self) -> str:
        """Channel: who appended, and to which markets, once an append."""
        return f"{self._prefix}:appended"

    def entries(self, stream: Stream) -> str:
        """Stream: the entries, under their positions."""
        return f"{self._tagged(stream.venue, stream.symbol)}:{stream.kind}"

    def times(self, stream: Stream) -> str:
        """Sorted set: the match times of the entries."""
        return f"{self.entries(stream)}:times"

    def marks(self, stream: Stream) -> str:
        """Hash: what the stream knows of itself as a whole."""
        return f"{self.entries(stream)}:marks"

    def fence(self, venue: Venue, symbol: str) -> str:
        """String: the highest token under which a market is collected, or was."""
        return f"{self._tagged(venue, symbol)}:fence"

    def book(self, venue: Venue, symbol: str) -> str:
        """String: the live book as it was last published."""
        return f"{self._tagged(venue, symbol)}:live"

    @property
    def rejection_counts(self) -> str:
        """Hash: rejected input by venue and reason."""
        return f"{self._prefix}:{{quarantine}}:counts"

    @property
    def rejections(self) -> str:
        """List: samples of rejected input, newest first."""
        return f"{self._prefix}:{{quarantine}}:samples"

    def lease(self, name: str) -> str:
        """Hash: holder, token and end of a lease."""
        return f"{self._prefix}:lease:{name}"

    def members(self, group: str) -> str:
        """Sorted set: the processes of a group, by the time each lives until."""
        return f"{self._prefix}:members:{group}"

    def quota(self, name: str, seconds: int) -> str:
        """String that expires: what is owed to a quota of so many seconds, and since when."""
        return f"{self._prefix}:quota:{seconds}:{name}"

    def answer(self, key: str) -> str:
        """String that expires: an answer that was computed before."""
        return f"{self._prefix}:answer:{key}"

    def _tagged(self, venue: Venue, symbol: str) -> str:
        return f"{self._prefix}:{{{venue}:{symbol}}}"


def named(stream: Stream) -> str:
    """Return the member of the set of streams that stands for the stream."""
    return ":".join(stream)


def parsed(name: bytes) -> Stream:
    """Return the stream of a member of the set."""
    venue, _, rest = name.decode().partition(":")
    symbol, _, kind = rest.rpartition(":")
    return Stream(Venue(venue), symbol, StreamKind(kind))
