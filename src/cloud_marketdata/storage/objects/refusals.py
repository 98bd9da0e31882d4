"""What an object store's refusal says, in one line that can be shown to anybody.

obstore's errors bring the whole request along, and an S3's answer may echo parts of it: only the
first paragraph, the S3's own code, and the word of the operating system or of TLS are kept.
"""

import re
from typing import Final

_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
_CAUSE: Final = re.compile(r'message: "([^"]{1,100})"|(\bTimedOut\b)')
_TLS: Final = re.compile(r"(AlertReceived|InvalidCertificate)\(\s*(\w{1,64})")
_TLS_SAYS: Final = {"AlertReceived": "TLS refused", "InvalidCertificate": "certificate refused"}
_EFFORT: Final = re.compile(r" in [\d.]+[µmn]?s(, after [^-]*)?(?= - )")
_LONGEST: Final = 300


def told(error: Exception) -> str:
    """Return the refusal in one line."""
    text = str(error)
    first, _, debug = text.partition("\n\nDebug source:")
    code = _CODE.search(first)
    cause = _CAUSE.search(debug)
    line = _EFFORT.sub("", first.partition("<?xml")[0].partition("<Error>")[0])
    line = " ".join(line.removeprefix("Generic S3 error: ").split())
    more = code[1] if code else cause and (cause[1] or "timed out")
    tls = _TLS.search(debug)
    if tls:
        more = f"{_TLS_SAYS[tls[1]]} ({tls[2]})"
    return f"{line[:_LONGEST].rstrip(' :')}: {more}" if more else line[:_LONGEST]


def is_missing(error: FileNotFoundError) -> bool:
    """Whether only the object is missing; an S3 says the same 404 where the bucket is."""
    return "<Code>NoSuchBucket</Code>" not in str(error)
