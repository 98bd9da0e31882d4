"""Bounds every backend keeps, so that none grows without end where another would not."""

from typing import Final

QUARANTINE_SAMPLES: Final = 1000
"""Samples of rejected input that are kept; the oldest make room."""
