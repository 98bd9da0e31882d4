"""What may be kept of an answer: its tag, for how long, and whether the asker has it already.

A tag names the data and the meta without ages, which change by the clock alone, so it is a weak
one. Settled answers may be kept for a day without asking; what is only forgotten of them meanwhile
(finer buckets, verdicts) makes no number wrong. All others are to be asked for again each time.
"""

import re
from hashlib import blake2b
from typing import Final

from cloud_marketdata.api.wire.formats import Format
from cloud_marketdata.api.wire.preferences import Headers, listed

SETTLED: Final = "private, max-age=86400, immutable"
LIVE: Final = "private, no-cache"
NEVER: Final = "no-store"
VARY: Final = "Accept, Accept-Encoding, Authorization, Origin, X-API-Key"
_AGES: Final = re.compile(rb'"staleness_ms":(?:\d+|null),?')
_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


def tag_of(document: bytes, form: Format) -> str:
    """Return the entity tag of an answer's JSON text in one form."""
    digest = blake2b(_AGES.sub(b"", document), digest_size=12, person=form.value.encode())
    return f'W/"{digest.hexdigest()}"'


def has_it(headers: Headers, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, by weak comparison."""
    given = listed(headers, b"if-none-match")
    if not given:
        return False
    return given.strip() == "*" or tag[2:].strip('"') in _TAG.findall(given)
