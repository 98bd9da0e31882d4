"""Where a day's objects lie: hive keys, so any reader finds venue, symbol and date as columns.

The first object of a day is `profiles/v1/venue=…/symbol=…/date=…/profile.parquet`, its bars lie at
`bars/v1/…/bars.parquet`. A day that changed after that (late trades) becomes a further object in a
tree of its own, `revised-profiles/v1/…/date=…/revision=…/`, under the log position it includes.
There and not beside the first one: readers glob `profiles/v1/**/*.parquet`, and would count the day
twice. So the first tree holds every day exactly once and never changes under its readers, and who
wants the late trades too takes the highest revision of a day where there is one.
"""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, NamedTuple, Self
from urllib.parse import quote, unquote

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_S, Timeframe, Venue

_DATE: Final = re.compile(r"/date=(\d{4}-\d{2}-\d{2})/", re.ASCII)
_PLACE: Final = re.compile(
    r"(?:revised-)?(?P<kind>profile|bars?)s?/v1/venue=(?P<venue>[^/]+)/symbol=(?P<symbol>[^/]+)"
    r"/date=(?P<day>[^/]+)/(?:revision=(?P<revision>\d{20})/)?[a-z]+\.parquet",
    re.ASCII,
)


class Kind(StrEnum):
    """What an object holds."""

    PROFILE = "profile"
    BARS = "bars"


_TREES: Final = {Kind.PROFILE: "profiles/v1", Kind.BARS: "bars/v1"}
ROOTS: Final = tuple(f"{way}{tree}/" for tree in _TREES.values() for way in ("", "revised-"))
"""The folders below which all objects of days lie."""


class Place(NamedTuple):
    """The kind, market and day of an object."""

    kind: Kind
    venue: Venue
    symbol: str
    day: date

    @property
    def key(self) -> str:
        """Key of the first object."""
        return f"{self.days}date={self.day.isoformat()}/{self.kind}.parquet"

    @property
    def days(self) -> str:
        """Folder of the market's days."""
        return f"{_TREES[self.kind]}/{self._market}/"

    @property
    def revisions(self) -> str:
        """Folder of the later objects of the day."""
        return f"revised-{self.days}date={self.day.isoformat()}/"

    def revision(self, position: int) -> str:
        """Key of a later object; revisions sort by the log position they include."""
        return f"{self.revisions}revision={position:020d}/{self.kind}.parquet"

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Return the place that a key names, or None where it is none of ours."""
        found = _PLACE.fullmatch(key)
        if not found:
            return None
        kind = Kind.PROFILE if found["kind"] == "profile" else Kind.BARS
        try:
            day = date.fromisoformat(found["day"])
            place = cls(kind, Venue(found["venue"]), unquote(found["symbol"]), day)
        except ValueError:
            return None
        revision = found["revision"]
        mine = place.key if revision is None else place.revision(int(revision))
        return place if mine == key else None

    def holds(self, instrument: Instrument, start: int) -> bool:
        """Whether a day of this instrument that starts at `start` (ns) belongs here."""
        days = (self.day - date(1970, 1, 1)).days
        market = (instrument.venue, instrument.symbol)
        return market == (self.venue, self.symbol) and start == days * Timeframe.D1.ns

    @property
    def _market(self) -> str:
        # Percent-encoded beyond plain ASCII, as hive does.
        return f"venue={self.venue}/symbol={quote(self.symbol, safe='')}"


def day_in(key: str) -> date | None:
    """Return the day of the partition that a key is in, or None."""
    found = _DATE.search(key)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def day_at(time_ns: int) -> date:
    """Return the UTC day of a time."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).date()
