"""The figures of `/health`: how long trades and answers take, what is proven, how old streams are.

They are read off the same samples that `/metrics` tells, so the two cannot disagree. Quantiles are
of the last minutes and within 5 % of the truth; where nothing happened meanwhile there are none.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import BaseModel, Field

from cloud_marketdata.core.telemetry.catalogue import (
    COVERAGE,
    HTTP_SECONDS,
    INGEST_LATENCY,
    STREAM_AGE,
    STREAM_PATIENCE,
)
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Metric, Sample

_MS: Final = 1000
_DIGITS: Final = 3
_MILLION: Final = 1_000_000


class Quantiles(BaseModel):
    """How long something took that happened `count` times."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    count: int


class Lag(BaseModel):
    """How old the newest event of a stream is, and above which age that is unusual for it."""

    age_s: float
    usual_s: float
    unusual: bool


class HealthFigures(BaseModel):
    """Figures of one process; markets are named `venue/symbol`."""

    latency: dict[str, dict[str, Quantiles]] = Field(
        default={}, description="Of trades, by venue and stage"
    )
    answers: dict[str, Quantiles] = Field(default={}, description="Of requests, by route")
    coverage: dict[str, float] = Field(
        default={}, description="Share of the last hour that is proven, by market"
    )
    lag: dict[str, dict[str, Lag]] = Field(default={}, description="By market and stream")


def health_figures(samples: Iterable[Sample]) -> HealthFigures:
    """Read them off samples whose series are each there once."""
    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric.name, []).append(sample)

    def of(metric: Metric) -> Sequence[Sample]:
        return by_metric.get(metric.name, ())

    return HealthFigures(
        latency=_latency(of(INGEST_LATENCY)),
        answers=_answers(of(HTTP_SECONDS)),
        coverage={_market(one.labels): _rounded_down(one) for one in of(COVERAGE)},
        lag=_lag(of(STREAM_AGE), of(STREAM_PATIENCE)),
    )


def _latency(samples: Iterable[Sample]) -> dict[str, dict[str, Quantiles]]:
    found: dict[str, dict[str, Quantiles]] = {}
    for sample in samples:
        _, venue, stage = sample.labels
        if (quantiles := _quantiles(sample)) is not None:
            found.setdefault(venue, {})[stage] = quantiles
    return found


def _answers(samples: Iterable[Sample]) -> dict[str, Quantiles]:
    told = {sample.labels[0]: _quantiles(sample) for sample in samples}
    return {route: quantiles for route, quantiles in told.items() if quantiles is not None}


def _quantiles(sample: Sample) -> Quantiles | None:
    histogram = sample.value
    assert isinstance(histogram, Histogram), sample.metric.name
    found = [histogram.quantile(share) for share in (0.5, 0.95, 0.99)]
    p50, p95, p99 = (round((seconds or 0.0) * _MS, _DIGITS) for seconds in found)
    if not histogram.count:
        return None
    return Quantiles(p50_ms=p50, p95_ms=p95, p99_ms=p99, count=histogram.count)


def _lag(ages: Iterable[Sample], limits: Iterable[Sample]) -> dict[str, dict[str, Lag]]:
    usual = {limit.labels: _number(limit) for limit in limits}
    found: dict[str, dict[str, Lag]] = {}
    for sample in ages:
        age, limit = _number(sample), usual[sample.labels]
        lag = Lag(age_s=round(age, _DIGITS), usual_s=round(limit, _DIGITS), unusual=age > limit)
        found.setdefault(_market(sample.labels), {})[sample.labels[-1]] = lag
    return found


def _rounded_down(share: Sample) -> float:
    """Return a share of which 1 means that nothing is left out."""
    return math.floor(_number(share) * _MILLION) / _MILLION


def _market(labels: Sequence[str]) -> str:
    return f"{labels[1]}/{labels[2]}"


def _number(sample: Sample) -> float:
    assert not isinstance(sample.value, Histogram), sample.metric.name
    return sample.value
