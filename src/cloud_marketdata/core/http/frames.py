"""How long the frames of an HTTP/2 client are, looked at before anybody keeps them.

h2 takes in a whole frame, and a whole head of many frames, before it says that it is too long: that
would be 16 MiB for one client. Here the nine octets before each frame are enough to tell.
"""

from typing import Final

_PREFACE: Final = 24
_HEADER: Final = 9
_FRAME_MAX: Final = 1 << 14
"""The longest frame that a peer may send unless it was allowed more (RFC 9113, 4.2)."""
_OF_A_HEAD: Final = frozenset({1, 9})
_END_HEADERS: Final = 0x04


class Frames:
    """Follows what a client sends from its first octet on.

    head_max: how many octets a head may have, as it is sent.
    """

    def __init__(self, head_max: int) -> None:
        self._head_max = head_max
        self._left = _PREFACE
        self._header = b""
        self._head = 0

    def allow(self, data: bytes) -> bool:
        """Go on; False once something is too long, whether the rest of it has come or not."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = _HEADER - len(self._header)
                self._header += data[at : at + step]
                if len(self._header) == _HEADER and not self._begin():
                    return False
            at += step
        return True

    def _begin(self) -> bool:
        header, self._header = self._header, b""
        self._left = int.from_bytes(header[:3], "big")
        if header[3] in _OF_A_HEAD:
            self._head += self._left
            too_long = self._head > self._head_max
            if header[4] & _END_HEADERS:
                self._head = 0
        else:
            too_long = False
        return not too_long and self._left <= _FRAME_MAX
