"""What is taken away, how, and for how long: the cases, by the deployment that bears them.

The cases of one deployment follow each other while it runs, so each also meets what the one before
may have left behind.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Case(NamedTuple):
    """An outage.

    tiers: whose servers go. how: `stop` (SIGTERM), `kill` (SIGKILL), `pause` (SIGSTOP), or
    `failover` and `one`, which kill one node of several whose work another one takes over. After
    `failover` it stays away until all is well. After `one` it comes back like every other server,
    because with `redis_replicas=1` the new master alone confirms nothing. seconds: for how long, by
    the issue. cuts: whether the venues meanwhile hang up on a client that does not read, every few
    seconds.
    """

    words: str
    tiers: tuple[str, ...]
    how: str
    seconds: float
    cuts: bool = False


class Plan(NamedTuple):
    """A deployment and what happens to it.

    engines: `single` servers, or `replicated` ones. apart: whether collector, worker and API are
    processes of their own instead of one. settings: what differs from the defaults.
    """

    name: str
    words: str
    engines: str
    apart: bool
    cases: tuple[Case, ...]
    settings: Mapping[str, str] = {}


TOGETHER: Final = Plan(
    "together",
    "one process, one server a tier",
    "single",
    apart=False,
    cases=(
        Case("Redis stopped", ("redis",), "stop", 60),
        Case("Redis frozen", ("redis",), "pause", 60),
        Case("MongoDB stopped", ("mongodb",), "stop", 120),
        Case("everything killed at once", ("redis", "mongodb", "s3"), "kill", 60),
    ),
)
APART: Final = Plan(
    "apart",
    "three processes, one server a tier",
    "single",
    apart=True,
    cases=(
        Case("Redis killed", ("redis",), "kill", 60),
        Case("MongoDB killed", ("mongodb",), "kill", 120),
        Case("S3 killed", ("s3",), "kill", 30),
    ),
)
REPLICATED: Final = Plan(
    "replicated",
    "three processes, a Redis Cluster of six with `redis_replicas=1`, a MongoDB set of three",
    "replicated",
    apart=True,
    cases=(
        Case("the primary of the MongoDB set killed", ("mongodb",), "failover", 30),
        Case("a master of the Redis Cluster killed", ("redis",), "one", 30),
    ),
)
HELD: Final = Plan(
    "held",
    "one process, one server a tier, `held_buckets=100`",
    "single",
    apart=False,
    cases=(Case("MongoDB stopped until workers hold", ("mongodb",), "stop", 150),),
    settings={"MARKETDATA_HELD_BUCKETS": "100"},
)
FULL: Final = Plan(
    "full",
    "one process, one server a tier, `journal_mb=1`, `batch_events=100`, `queue_batches=1`",
    "single",
    apart=False,
    cases=(Case("Redis killed until the journal is full", ("redis",), "kill", 100, cuts=True),),
    settings={
        "MARKETDATA_JOURNAL_MB": "1",
        "MARKETDATA_BATCH_EVENTS": "100",
        "MARKETDATA_QUEUE_BATCHES": "1",
    },
)
PLANS: Final = (TOGETHER, APART, REPLICATED, HELD, FULL)
