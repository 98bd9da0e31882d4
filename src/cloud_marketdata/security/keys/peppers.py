"""The secrets under which keys are hashed, by name; the last one named is used for new keys.

A stolen store gives away no key, and without the pepper not even a way to test a guess. Keys are
190 random bits, so one HMAC-SHA256 is enough, where passwords would want a slow hash. A pepper is
exchanged by naming a new one last: each key is hashed anew when it is next shown.
"""

import hmac
from collections.abc import Mapping
from typing import Final

from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.security.keys.form import Key
from cloud_marketdata.security.keys.lifecycle import Fresh
from cloud_marketdata.storage.security_ports import KeyRecord

_NOBODY: Final = "00" * 32


class Peppers:
    """Hashes keys and holds them against records.

    by_name: texts; may be empty, and then no key is believed and none can be made.
    """

    def __init__(self, by_name: Mapping[str, str]) -> None:
        # Keyed once and copied: a whole HMAC in one call lets go of the interpreter each time.
        self._secrets = {name: _keyed(text.encode()) for name, text in by_name.items()}
        self._last = next(reversed(self._secrets), None)

    @property
    def current(self) -> str:
        """Name of the pepper for new keys; raises SettingsError where there is none."""
        if self._last is None:
            msg = "key_peppers: MongoDB is shared by machines, so keys need a pepper that all know"
            raise SettingsError(msg)
        return self._last

    def hashed(self, key: Key) -> Fresh:
        """Hash a key under the current pepper; raises SettingsError as `current` does."""
        return Fresh(key.id, _mac(key, self._secrets[self.current]), self.current)

    def matches(self, key: Key, record: KeyRecord | None) -> bool:
        """Whether the key is the one that the record was made for.

        A key without a record costs what a wrong secret does: one HMAC and one comparison, so that
        the time of an answer does not tell which ids exist.
        """
        secret = self._secrets.get(record.pepper if record else "")
        made = _mac(key, secret or _NONE)
        stored = record.mac if record else _NOBODY
        same = hmac.compare_digest(made.encode(), stored.encode())
        return same and secret is not None

    def is_outdated(self, record: KeyRecord) -> bool:
        """Whether the record is to be hashed anew, under the current pepper."""
        return record.pepper != self._last

    def __repr__(self) -> str:
        return f"Peppers({', '.join(self._secrets)})"


def _keyed(secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, digestmod="sha256")


def _mac(key: Key, secret: hmac.HMAC) -> str:
    made = secret.copy()
    made.update(key.text.encode())
    return made.hexdigest()


_NONE: Final = _keyed(b"no pepper is known, so nothing is ever believed")
