"""The error tree.

MarketDataError
├── BadRequestError      the asker is wrong; `code` is stable, the text is one clear line
│   ├── UnknownMarketError
│   ├── BadTimeError
│   └── ResolutionGoneError  what was asked for is kept in coarser pieces only (api.resolutions)
├── NotReadyError        the answer may not be served now (a book out of sync)
├── SettingsError        a setting is wrong; the text names it
├── StorageError         a store refused or is away; drivers' own errors are translated at its edge
│   ├── FencedError      somebody else owns the market by now; what was to be stored is not
│   └── JournalFullError the disk's share for an absence of Redis is used up (storage.journal)
└── VenueError           a venue refused, is away, or broke its protocol; the session reconnects
    └── VenueBusyError   it is alive and wants to be asked later; nothing is broken
"""

from typing import ClassVar


class MarketDataError(Exception):
    """Root of all errors that are not bugs."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500


class BadRequestError(MarketDataError):
    """The question cannot be answered as asked."""

    code = "bad_request"
    status = 400


class UnknownMarketError(BadRequestError):
    """The venue or symbol is not collected here."""

    code = "unknown_market"
    status = 404


class BadTimeError(BadRequestError):
    """A time is not ISO-8601 with offset nor epoch ms, or the range is empty or reversed."""

    code = "bad_time"


class LimitError(BadRequestError):
    """More was asked than one answer may hold."""

    code = "limit_exceeded"


class NotReadyError(MarketDataError):
    """The data is not in a state that may be served; the text says why."""

    code = "not_ready"
    status = 409


class StorageError(MarketDataError):
    """A store refused or is away."""

    code = "storage_unavailable"
    status = 503


class FencedError(StorageError):
    """A newer fencing token has been seen: the asker owns the market no more."""

    code = "fenced"


class VenueError(MarketDataError):
    """A venue refused, is away or broke its protocol."""

    code = "venue_unavailable"
    status = 503


class VenueBusyError(VenueError):
    """The venue's limits are reached: ask again after `retry_after_s` seconds, not before."""

    code = "venue_busy"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SettingsError(MarketDataError):
    """A setting is wrong; the text names it."""

    code = "bad_settings"
