"""Every metric of the service, one line each: docs/metrics.md tells the same to people.

`exchange` is binance or bybit, `venue` e.g. binance-spot, `symbol` the venue's own name of it;
of symbols the busiest are told and the others together, as `other`. Where several gauges become
one, a `max` or `min` is the worst of them.
"""

from typing import Final

from cloud_marketdata.core.telemetry.metric import Fold, Kind, Metric

METRICS: Final[dict[str, Metric]] = {}
"""By name."""

_MARKET: Final = ("exchange", "venue", "symbol")


def _metric(name: str, kind: Kind, told: str, *labels: str, fold: Fold = "sum") -> Metric:
    assert name not in METRICS, name
    METRICS[name] = Metric(name, kind, told, labels, fold)
    return METRICS[name]


# A trade's way. Stages: received (since its match time), then, each since it was received: logged,
# processed (saved in its aggregates), served (sent to who listens).
INGEST_LATENCY = _metric(
    "cmd_ingest_latency_seconds", "histogram", "A trade's way", "exchange", "venue", "stage"
)
TRADES = _metric("cmd_trades_total", "counter", "Trades in the log", *_MARKET)
BOOK_UPDATES = _metric("cmd_book_updates_total", "counter", "Book events in the log", *_MARKET)
STREAM_AGE = _metric(
    "cmd_stream_age_seconds",
    "gauge",
    "Since a stream's newest event",
    *_MARKET,
    "stream",
    fold="max",
)
STREAM_PATIENCE = _metric(
    "cmd_stream_patience_seconds",
    "gauge",
    "Age that is usual at most",
    *_MARKET,
    "stream",
    fold="max",
)
FEED_DELAY = _metric(
    "cmd_feed_delay_seconds", "gauge", "Largest delay by the venue's times", "venue", fold="max"
)
FRAMES = _metric("cmd_frames_total", "counter", "Messages received", "venue")
SYMBOLS = _metric("cmd_symbols", "gauge", "Symbols that are collected here", "venue")
REJECTIONS = _metric("cmd_rejections_total", "counter", "Input refused", "venue", "reason")
DUPLICATES = _metric("cmd_duplicates_total", "counter", "Trades that came again", "venue")
FEED_GAPS = _metric("cmd_feed_gap_total", "counter", "Gaps found in a feed", "venue", "stream")
OPEN_GAPS = _metric("cmd_open_gaps", "gauge", "Gaps in trades not filled yet", "venue")
BACKFILLED = _metric("cmd_backfilled_total", "counter", "Trades that filled gaps", "venue")
TICKER = _metric("cmd_ticker_total", "counter", "Books held against quotes", "venue", "outcome")
BOOKS_SYNCED = _metric("cmd_books_synced", "gauge", "Books in sync", "venue")
BOOKS = _metric("cmd_books", "gauge", "Books that are followed", "venue")
CONNECTED = _metric("cmd_connections", "gauge", "Connections to a venue", "venue", "state")
RECONNECTS = _metric("cmd_reconnects_total", "counter", "Connections made anew", "venue")
BREAKER = _metric(
    "cmd_breaker_state", "gauge", "0 closed, 1 half open, 2 open", "venue", "endpoint", fold="max"
)
BREAKER_TRIPS = _metric(
    "cmd_breaker_trips_total", "counter", "Breakers opened", "venue", "endpoint"
)

# What waits.
QUEUE = _metric("cmd_queue_depth", "gauge", "What waits in a queue", "queue")
QUEUE_BOUND = _metric("cmd_queue_bound", "gauge", "What a queue holds at most", "queue")
STALLS = _metric("cmd_stalls_total", "counter", "Sockets paused because the log was slow")
APPENDS_REFUSED = _metric("cmd_appends_refused_total", "counter", "Appends the log refused")
JOURNAL_BYTES = _metric("cmd_journal_bytes", "gauge", "What waits on disk while Redis is away")
JOURNAL_REFUSED = _metric("cmd_journal_refused_total", "counter", "Appends the journal refused")

# Processing.
WORKERS = _metric("cmd_workers", "gauge", "Markets worked on here")
WORKERS_IN_TROUBLE = _metric("cmd_workers_in_trouble", "gauge", "Markets whose work stands still")
PROCESSING_LAG = _metric(
    "cmd_processing_lag_seconds", "gauge", "Oldest unsaved trade", "venue", fold="max"
)
TENURES_LOST = _metric("cmd_tenures_lost_total", "counter", "Markets lost to another process")
TOO_LATE = _metric("cmd_trades_too_late_total", "counter", "Trades that came after the horizon")
SIGNALS = _metric("cmd_signals_total", "counter", "Signals told", "group")
COVERAGE = _metric(
    "cmd_coverage_ratio", "gauge", "Share of the last hour proven", *_MARKET, fold="min"
)
RECONCILED = _metric("cmd_reconciled_total", "counter", "Minutes held against klines", "verdict")
ARCHIVED = _metric("cmd_archived_total", "counter", "Days brought to the cold tier")
MEMBERS = _metric("cmd_members", "gauge", "Living processes that share work", "group", fold="max")
REBALANCES = _metric("cmd_rebalances_total", "counter", "Changes of who lives", "group")
OWNED = _metric("cmd_shares", "gauge", "Pieces of work that this process has", "group")

# Answers.
HTTP_SECONDS = _metric(
    "cmd_http_request_duration_seconds", "histogram", "Time of an answer", "route"
)
HTTP_REQUESTS = _metric(
    "cmd_http_requests_total", "counter", "Requests", "route", "method", "status"
)
MCP_SECONDS = _metric(
    "cmd_mcp_tool_duration_seconds", "histogram", "Time of a tool's call", "tool", "outcome"
)
WS_CONNECTIONS = _metric("cmd_ws_connections", "gauge", "Readers of the live stream", "kind")
WS_CHANNELS = _metric("cmd_ws_channels", "gauge", "Channels at work")
WS_SENT = _metric("cmd_ws_sent_total", "counter", "Frames to readers")
WS_DROPPED = _metric(
    "cmd_ws_dropped_total", "counter", "Readers told off, frames left out", "reason"
)
CACHE = _metric("cmd_answers_cached_total", "counter", "Answers looked up", "outcome")

# The door.
RATE_LIMITED = _metric("cmd_ratelimited_total", "counter", "Requests over a limit", "scope")
KEYS_CHECKED = _metric("cmd_keys_checked_total", "counter", "Keys shown", "outcome")
KEY_DAYS = _metric("cmd_key_days_to_expiry", "gauge", "Until the next key expires", fold="min")
TLS_DAYS = _metric("cmd_tls_days_to_expiry", "gauge", "Until the certificate expires", fold="min")
AUDIT_EVENTS = _metric("cmd_audit_events_total", "counter", "Events of the audit log", "outcome")

# Errors and recovery.
STATUS = _metric("cmd_health_status", "gauge", "0 healthy, 1 degraded, 2 unhealthy", fold="max")
UP = _metric(
    "cmd_component_up", "gauge", "Whether a component is well", "group", "name", fold="min"
)
ERRORS = _metric("cmd_errors_total", "counter", "Errors told in the log", "type")
DEATHS = _metric("cmd_component_deaths_total", "counter", "Parts started again", "component")
MEASURES_FAILED = _metric(
    "cmd_measures_failed_total", "counter", "Figures that a component could not tell", "component"
)
RECOVERY = _metric(
    "cmd_recovery_seconds", "histogram", "From a component's trouble to its end", "group", "name"
)
SPANS = _metric("cmd_spans_total", "counter", "Spans of traces, by what became of them", "outcome")

# The process.
CPU = _metric("process_cpu_seconds_total", "counter", "User and system time")
RSS = _metric("process_resident_memory_bytes", "gauge", "Memory in use")
FDS = _metric("process_open_fds", "gauge", "Open files and sockets")
STARTED = _metric("process_start_time_seconds", "gauge", "Start, in seconds since the epoch")
DISK_READ = _metric("cmd_disk_read_bytes_total", "counter", "Read from disks")
DISK_WRITTEN = _metric("cmd_disk_written_bytes_total", "counter", "Written to disks")
LOOP_LAG = _metric("cmd_event_loop_lag_seconds", "histogram", "How late a wake-up came")
BUILD = _metric("cmd_build_info", "gauge", "Always 1", "version", "python", "role", fold="max")
