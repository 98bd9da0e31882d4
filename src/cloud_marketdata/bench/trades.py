"""Seeded Binance spot trades as WebSocket frames, made before the clock runs.

Ids are contiguous, prices walk at random in whole ticks, sizes vary as on a busy market, and the
fields are those of a real `@trade`, bare or in the wrapper of a combined stream.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

_FIRST_ID: Final = 3_735_683_259
_FIRST_TICK: Final = 6_183_763
_FIRST_MS: Final = 1_723_161_255_342
_STEPS: Final = (0, 0, 0, 0, 0, 0, 1, -1, 1, -1, 17, -17)
_LOTS: Final = (9, 20, 32, 100, 480, 1_000, 2_000, 15_000)
_SHORT: Final = 126
_TEXT: Final = 0x81
"""FIN and the text opcode."""


def frame(payload: bytes) -> bytes:
    """Wrap a payload below 64 KiB as one unmasked text frame."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_TEXT, size)) + payload
    return bytes((_TEXT, _SHORT)) + size.to_bytes(2, "big") + payload


def trades(count: int, symbol: str, seed: int, *, combined: bool) -> Iterator[bytes]:
    """Yield `count` payloads, the same for the same arguments."""
    random = Random(seed)  # noqa: S311  a market, not a secret
    topic = f"{symbol.lower()}@trade"
    tick, time = _FIRST_TICK, _FIRST_MS
    for number in range(_FIRST_ID, _FIRST_ID + count):
        tick += random.choice(_STEPS)
        time += random.random() < 0.1  # noqa: PLR2004  one in ten
        body = (
            f'{{"e":"trade","E":{time + 1},"s":"{symbol}","t":{number},'
            f'"p":"{tick // 100}.{tick % 100:02}000000","q":"{_size(random)}","T":{time},'
            f'"m":{"true" if random.getrandbits(1) else "false"},"M":true}}'
        )
        yield (f'{{"stream":"{topic}","data":{body}}}' if combined else body).encode()


def _size(random: Random) -> str:
    lots = random.choice(_LOTS) if random.getrandbits(1) else random.randrange(1, 50_000)
    return f"{lots // 100_000}.{lots % 100_000:05}000"
