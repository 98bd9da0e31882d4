"""The forms in which a table can leave: their names in `?format=` and their media types."""

from enum import StrEnum


class Format(StrEnum):
    """A form, the preferred first."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def media_type(self) -> str:
        """The media type as `Accept` names it."""
        return _MEDIA_TYPES[self]

    @property
    def content_type(self) -> str:
        """The media type as `Content-Type` names it."""
        return f"{self.media_type}; charset=utf-8" if self is Format.CSV else self.media_type

    @property
    def packed(self) -> bool:
        """Whether it is compressed already."""
        return self is Format.PARQUET


_MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}
