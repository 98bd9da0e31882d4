"""Secrets in texts, made unreadable: keys of this service, passwords in URLs, credentials by name.

Whatever leaves the process for people to read goes through here: logs, complaints, audited
arguments. What a text says beside its secrets stays, so that a masked key still names its id. A
secret of which this process knows the value is found in any text, whatever its form.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr

KEY_PREFIX: Final = "cmd_live_"
"""What every API key begins with; scanners know it too."""
HIDDEN: Final = "***"
_KNOWN_MIN: Final = 8
"""Shorter values are masked only where a form shows them: half of any log would match `admin`."""
_DEPTH: Final = 8

# The id stays. What follows it is hidden whole, also where it was cut short or mistyped.
_KEY: Final = re.compile(rf"({KEY_PREFIX}[0-9A-Za-z]{{1,8}})_[0-9A-Za-z_-]+")
# A password of a store may hold anything; of other URLs only what stands before the host is one,
# because streams are named like `btcusdt@trade`.
_STORE_URL: Final = re.compile(
    r"\b((?:rediss?|valkeys?|mongodb(?:\+srv)?|amqps?|postgres(?:ql)?|mysql)://)\S*@", re.IGNORECASE
)
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/?#\"'<>]+@", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"((?<![a-z])(?:(?:proxy-)?authorization|x-api-key|x-amz-(?:signature|credential|security-token)"
    r"|(?:[a-z0-9]+[_-])*(?:password|passwd|pwd|secret|token|api[_-]?key|secret[_-]access[_-]key"
    r"|private[_-]key|pepper|signature))"
    r"[\"']?\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s,;&\"'}\])]+)",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_PEM: Final = re.compile(
    r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
_SECRET_NAME: Final = re.compile(
    r"(?i)(^|[_-])(password|passwd|pwd|secret|token|pepper|peppers|authorization|api[_-]?key"
    r"|private[_-]key|secret[_-]access[_-]key|audit[_-]key)$"
)


def masked(text: str, known: Collection[str] = ()) -> str:
    """Return the text with every secret in it hidden; `known` are values hidden as they are."""
    for secret in known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    text = _PEM.sub(HIDDEN, text)
    text = _KEY.sub(rf"\1_{HIDDEN}", text)
    text = _STORE_URL.sub(rf"\1{HIDDEN}@", text)
    text = _URL.sub(rf"\1{HIDDEN}@", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    return _BEARER.sub(rf"\1 {HIDDEN}", text)


def masked_value(value: Any, known: Collection[str] = (), depth: int = _DEPTH) -> Any:  # noqa: ANN401  whatever is logged
    """Return what is to be written down in place of a value: numbers as they are, texts masked.

    Collections are masked in what they hold; what is of no plain kind is told by its masked repr.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return masked(value, known)
    if depth and isinstance(value, dict):
        return {
            masked(str(name), known): HIDDEN
            if is_secret_name(str(name))
            else masked_value(held, known, depth - 1)
            for name, held in value.items()
        }
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [masked_value(held, known, depth - 1) for held in value]
    return masked(repr(value), known)


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret, whatever it looks like."""
    return _SECRET_NAME.search(name) is not None


def secrets_of(settings: BaseModel) -> frozenset[str]:
    """Return what no log of a process with these settings may hold, longest forms included."""
    plain = _plain(getattr(settings, name) for name in type(settings).model_fields)
    forms = (form for secret in plain for form in (secret, *_passwords(secret)))
    return frozenset(form for form in forms if len(form) >= _KNOWN_MIN)


def _plain(values: Iterable[object]) -> list[str]:
    found = []
    for value in values:
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, dict):
            found += _plain(value.values())
    return found


def _passwords(url: str) -> tuple[str, ...]:
    """Return the password of a URL as it stands there, decoded and encoded."""
    if "://" not in url:
        return ()
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    # What stands before the last @ is taken for credentials even where a URL cannot be read so.
    credentials = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return tuple({password, unquote(password), quote(unquote(password), safe=""), credentials})
