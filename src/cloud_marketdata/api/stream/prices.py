"""What a request over the stream costs, in the units in which REST counts.

Whoever subscribes has an answer made for the first snapshot, so a channel costs what the REST
question of its name does, and a replay, which reads the log for a while, more.
"""

from collections.abc import Mapping
from typing import Final

from cloud_marketdata.api.stream.messages import Asked, Subscribe
from cloud_marketdata.security.limits.costs import cost_of_route

REQUEST: Final = 1
"""What any request costs, also one that cannot be read."""
REPLAY: Final = 10


def price_of(asked: Asked) -> int:
    """Return the units of a request, with its answer."""
    if isinstance(asked, Subscribe):
        return sum(_channel(one) for one in asked.channels)
    return REQUEST


def _channel(given: Mapping[str, object]) -> int:
    route = f"/v1/markets/{{venue}}/{{symbol}}/{given.get('name')}"
    return cost_of_route(route) + (REPLAY if "from" in given else 0)
