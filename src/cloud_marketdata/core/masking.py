"""Secrets in texts, made unreadable: keys of this service, passwords in URLs, credentials by name.

Whatever leaves the process for people to read goes through here: logs, complaints, audited
arguments. What a text says beside its secrets stays, so that a masked key still names its id. A
secret of which this process knows the value is found in any text, whatever its form.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr

KEY_PREFIX: Final = "cmd_live_"
"""What every API key begins with; scanners know it too."""
HIDDEN: Final = "***"
_KNOWN_MIN: Final = 8
"""Shorter values are masked only where a form shows them: half of any log would match `admin`."""
_DEPTH: Final = 8

# The id stays. What follows it is hidden whole, also where it was cut short or mistyped. All forms
# are bounded, so that no text is slow to read.
_PREFIX_FORM: Final = KEY_PREFIX.replace("_", "(?:_|%5f)")
_KEY: Final = re.compile(
    rf"({_PREFIX_FORM}(?:[0-9a-z]{{8}}(?=[0-9a-z_%-])|[0-9a-z]{{1,7}}(?=_|%5f)))[0-9a-z_%-]+",
    re.IGNORECASE,
)
# A password of a store may hold anything; of other URLs only what stands before the host is one,
# because streams are named like `btcusdt@trade`.
_STORE_URL: Final = re.compile(
    r"\b((?:rediss?|valkeys?|mongodb(?:\+srv)?|amqps?|postgres(?:ql)?|mysql)://)\S{0,1024}@",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]{0,20}://)[^\s/?#\"'<>]{1,1024}@", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"((?:authorization|x-amz-(?:signature|credential)|password|passwd|pwd|secret|token|pepper"
    r"|signature|(?:api|access|private)[_-]?key)[\"']?\s{0,9}[=:]\s{0,9})"
    r"(\"[^\"]+\"|'[^']+'|(?:(?:bearer|basic)\s+)?[^\s,;&\"'}\])]+)",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_PEM: Final = re.compile(
    r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
_SECRET_NAME: Final = re.compile(
    r"(?:^|[_-])(?:password|passwd|pwd|secret|token|peppers?|authorization"
    r"|(?:api|access|private|audit)[_-]?key)$",
    re.IGNORECASE,
)

_known: list[str] = []
"""What this process holds itself, longest first."""


def hide(secrets: Iterable[str]) -> None:
    """Have these values hidden from now on, wherever they stand in a text of this process."""
    _known[:] = sorted({*_known, *secrets}, key=lambda secret: (-len(secret), secret))


def masked(text: str) -> str:
    """Return the text with every secret in it hidden."""
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    text = _PEM.sub(HIDDEN, text)
    text = _KEY.sub(rf"\1_{HIDDEN}", text)
    text = _STORE_URL.sub(rf"\1{HIDDEN}@", text)
    text = _URL.sub(rf"\1{HIDDEN}@", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    return _BEARER.sub(rf"\1 {HIDDEN}", text)


def masked_value(value: Any, depth: int = _DEPTH) -> Any:  # noqa: ANN401  whatever is logged
    """Return what is to be written down in place of a value: numbers as they are, texts masked.

    Collections are masked in what they hold; what is of no plain kind is told by its masked repr.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return masked(value)
    if depth and isinstance(value, dict):
        return {
            masked(str(name)): HIDDEN
            if is_secret_name(str(name))
            else masked_value(held, depth - 1)
            for name, held in value.items()
        }
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [masked_value(held, depth - 1) for held in value]
    return masked(repr(value))


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret, whatever it looks like."""
    return _SECRET_NAME.search(name) is not None


def secrets_of(settings: BaseModel) -> frozenset[str]:
    """Return what no text of a process with these settings may hold; passwords in every form."""
    plain = _plain(getattr(settings, name) for name in type(settings).model_fields)
    forms = (form for secret in plain for form in _forms(secret))
    return frozenset(form for form in forms if len(form) >= _KNOWN_MIN)


def _plain(values: Iterable[object]) -> list[str]:
    found = []
    for value in values:
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, dict):
            found += _plain(value.values())
    return found


def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as it may be met; of a URL its password, as it stands there and decoded."""
    if "://" not in secret:
        return (secret,)
    try:
        password = urlsplit(secret).password or ""
    except ValueError:
        password = ""
    # What stands before the last @ is taken for credentials even where a URL cannot be read so.
    credentials = secret.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return tuple({password, unquote(password), quote(unquote(password), safe=""), credentials})
