"""Traces: spans that the libraries make, carried away by OTLP over HTTP; off unless a setting says.

FastAPI and FastMCP make spans as soon as a process has a provider for them. Without `traces` it has
none, and nothing is there that could send. Spans wait in a bounded queue and are sent by a thread
of its own; what finds no room, or nobody to take it, is counted and dropped. None leaves unmasked.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.core.masking import is_secret_name, masked, masked_value
from cloud_marketdata.core.telemetry.catalogue import SPANS
from cloud_marketdata.core.telemetry.metric import Sample

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

_WAITING_MAX: Final = 2048
_BATCH_MAX: Final = 512
_EVERY_MS: Final = 1000
_PATIENCE_S: Final = 2.0
"""With one batch, and with the last ones when the process ends."""


class Spans:
    """What became of the spans of this process; a `Measured`.

    Each figure is counted by one thread: `crowded` by who ends a span, the others by who sends.
    """

    def __init__(self) -> None:
        self.crowded = 0
        self._sent = self._untaken = 0
        self._lost = False

    def measures(self) -> Iterable[Sample]:
        """See core.telemetry.metric.Measured."""
        yield SPANS.of(self._sent, "sent")
        yield SPANS.of(self._untaken + self.crowded, "dropped")

    def count(self, spans: int, *, taken: bool) -> None:
        """Count a batch; its loss is told once, until another one is taken."""
        if taken:
            self._sent += spans
        else:
            self._untaken += spans
        if self._lost == taken:
            self._lost = not taken
            told = structlog.get_logger()
            told.info("traces.taken") if taken else told.warning("traces.dropped", spans=spans)


@contextmanager
def tracing(endpoint: str | None, version: str, role: str) -> Iterator[Spans]:
    """Have spans carried to an endpoint of OTLP over HTTP while the block runs.

    endpoint: what stands before /v1/traces, such as http://127.0.0.1:4318; None makes no spans.
    To be entered once in the life of a process, before its application is built. Raises
    SettingsError where the extra `traces` is not installed.
    """
    spans = Spans()
    if endpoint is None:
        yield spans
        return
    provider = _provider(endpoint, {"service.version": version, "service.role": role}, spans)
    try:
        yield spans
    finally:
        provider.shutdown()


def _provider(endpoint: str, about: Mapping[str, str], spans: Spans) -> Any:  # noqa: ANN401 - of an optional library
    try:
        from opentelemetry import trace  # noqa: PLC0415 - nobody pays who has no traces
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - same
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - same
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - same
    except ImportError as error:
        msg = f"traces needs the extra `traces`: pip install 'cloud-marketdata[traces]' ({error})"
        raise SettingsError(msg) from error
    # It would say of each lost batch, and of each span without room, what `Spans` counts and tells.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    resource = Resource.create({"service.name": "cloud-marketdata", **about})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    whole = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=whole, timeout=_PATIENCE_S)
    provider.add_span_processor(_processor(exporter, spans))
    trace.set_tracer_provider(provider)
    return provider


def _processor(exporter: "SpanExporter", spans: Spans) -> Any:  # noqa: ANN401 - of an optional library
    """Return a bounded queue before an exporter; both say what they drop."""
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415 - nobody pays who has no traces
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Masking(SpanExporter):
        def export(self, batch: "Iterable[ReadableSpan]") -> SpanExportResult:
            whole = [masked_span(span) for span in batch]
            result = exporter.export(whole)
            spans.count(len(whole), taken=result is SpanExportResult.SUCCESS)
            return result

        def shutdown(self) -> None:
            exporter.shutdown()

    class Bounded(BatchSpanProcessor):
        def on_end(self, span: "ReadableSpan") -> None:
            # The oldest would make room, and each would be a line of the log.
            if len(self._batch_processor._queue) >= _WAITING_MAX:  # noqa: SLF001 - it tells nobody
                spans.crowded += 1
            else:
                super().on_end(span)

        def shutdown(self) -> None:
            # By itself it would wait for half a minute.
            self._batch_processor.shutdown(int(_PATIENCE_S * 1000))

    return Bounded(
        Masking(),
        max_queue_size=_WAITING_MAX,
        schedule_delay_millis=_EVERY_MS,
        max_export_batch_size=_BATCH_MAX,
    )


def masked_span(span: "ReadableSpan") -> "ReadableSpan":
    """Return the span without a secret in its name, attributes, events or status."""
    from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415 - same as above
    from opentelemetry.trace import Status  # noqa: PLC0415 - same

    said = span.status.description
    return ReadableSpan(
        name=masked(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_masked(span.attributes),
        events=[Event(one.name, _masked(one.attributes), one.timestamp) for one in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, masked(said) if said else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _masked(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    hidden = {name: "***" for name in attributes or {} if is_secret_name(name)}
    return {name: masked_value(held) for name, held in (attributes or {}).items()} | hidden
