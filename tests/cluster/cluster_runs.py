"""The two proofs: members killed at random, and a rolling restart; each judged when it is over."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from cluster_killer import Blow, Killer
from cluster_members import LEASE_S, Member
from cluster_stage import ClusterStage, cluster
from cluster_verdict import (
    Verdict,
    judged,
    listener_missed_nothing,
    minutes_equal_klines,
    replicas_agree,
)
from cluster_watch import Stall
from outage_servers import Servers

_SETTLED_S: Final = 2 * LEASE_S
_FAR_S: Final = 60.0


class Effect(NamedTuple):
    """A blow, and what it did to the log and to the aggregates."""

    blow: Blow
    logged: Stall
    saved: Stall


class Outcome(NamedTuple):
    """What was seen of one proof. unanswered: questions that neither replica answered."""

    words: str
    seconds: float
    trades_per_s: float
    effects: Sequence[Effect]
    asked: int
    turned: int
    unanswered: Sequence[str]
    hops: int
    told: Mapping[str, int]
    verdict: Verdict


def killed(folder: Path, servers: Servers, seed: int, seconds: float, **more: str) -> Outcome:
    """Kill members at random for so long."""
    with cluster(folder, servers, seed, **more) as stage:
        random = Random(seed)  # noqa: S311  a seed must repeat
        killer = Killer(stage.members, stage.ends, stage.clock, random)
        before = stage.clock.monotonic()
        killer.work(seconds, stage.wait)
        return _judged(stage, "members killed at random", killer.blows, before)


def restarted(folder: Path, servers: Servers, seed: int, **more: str) -> Outcome:
    """Restart everybody gracefully, one after the other."""
    blows: list[Blow] = []
    with cluster(folder, servers, seed, **more) as stage:
        before = stage.clock.monotonic()

        def stop_and_start(member: Member) -> None:
            at = stage.clock.monotonic()
            member.stop()
            over = stage.clock.monotonic()
            blows.append(Blow("SIGTERM", member.role, member.name, at, over, stage.ends()))
            member.launch()
            at = stage.clock.monotonic()
            blows.append(Blow("comes back", member.role, member.name, at, at, stage.ends()))

        for member in stage.members:
            stop_and_start(member)
            stage.await_ready()
        return _judged(stage, "rolling restart", blows, before)


def _judged(stage: ClusterStage, words: str, blows: list[Blow], began: float) -> Outcome:
    seconds = stage.clock.monotonic() - began
    stage.heal()
    stage.wait(_SETTLED_S)
    answers = replicas_agree(stage, live=True)
    until = stage.clock.monotonic()
    effects = [_effect(stage, blow, until) for blow in blows]
    stage.drain()
    stage.wait(1)
    stage.asker.end()
    stage.listener.end()
    heard = listener_missed_nothing(stage)
    answers += replicas_agree(stage, live=False)
    minutes = minutes_equal_klines(stage)
    stage.finish()
    compared, feared = judged(stage)
    return Outcome(
        words,
        round(seconds, 1),
        round(compared.trades / (until - began), 1),
        effects,
        stage.asker.asked,
        stage.asker.turned,
        stage.asker.unanswered,
        stage.listener.hops,
        dict(stage.listener.told),
        Verdict(compared, minutes, answers, heard, feared),
    )


def _effect(stage: ClusterStage, blow: Blow, until: float) -> Effect:
    watch, end = stage.watch, min(until, blow.over + _FAR_S)
    logged = watch.stall(watch.logged, blow.at, blow.base, end)
    saved = watch.stall(watch.saved, blow.at, blow.base, end)
    return Effect(blow, logged, saved)
