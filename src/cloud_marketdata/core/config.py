"""Every setting of the service, read from `MARKETDATA_…` variables or a TOML file.

`print(Settings())` is safe: secrets are masked by their type. Precedence: arguments, environment,
file, defaults.
"""

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.core.masking import hide, secrets_of
from cloud_marketdata.domain.values import Venue

Role = Literal["all", "collect", "process", "serve"]


class Endpoint(BaseModel):
    """Where a venue answers: the base URLs before its own paths."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ws: Annotated[str, Field(pattern=r"^wss?://[^/\s@]+$")]
    rest: Annotated[str, Field(pattern=r"^https?://[^/\s@]+$")]


ENDPOINTS = {
    Venue.BINANCE_SPOT: Endpoint(
        ws="wss://data-stream.binance.vision", rest="https://data-api.binance.vision"
    ),
    Venue.BINANCE_USDM: Endpoint(ws="wss://fstream.binance.com", rest="https://fapi.binance.com"),
    Venue.BYBIT_SPOT: Endpoint(ws="wss://stream.bybit.com", rest="https://api.bybit.com"),
    Venue.BYBIT_LINEAR: Endpoint(ws="wss://stream.bybit.com", rest="https://api.bybit.com"),
}

SYMBOL: Final = r"^[A-Z0-9]{2,32}$"
Symbol = Annotated[str, Field(pattern=SYMBOL)]


class Discover(BaseModel):
    """Which symbols a venue's own ranking adds: the most traded ones of a quote asset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quote: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,16}$")]
    top: Annotated[int, Field(ge=1, le=500)]
    every_minutes: Annotated[int, Field(ge=1, le=1440)] = 60


class Settings(BaseSettings):
    """What one process needs to know; see docs/settings.md for the same list in a table."""

    model_config = SettingsConfigDict(
        env_prefix="MARKETDATA_",
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    role: Role = "all"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    ops_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """Where a process that does not serve answers /live, /ready, /health and /metrics."""
    stop_timeout_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """How long a stop may take; then the process ends and says what was not done."""
    stop_notice_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    """How long a stop goes on answering while /ready says 503, so that balancers notice."""
    metrics_symbols: Annotated[int, Field(ge=0, le=10_000)] = 50
    """Symbols of a venue that have series of their own in /metrics; the others are one."""
    traces: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")] | None = None
    """Where traces go by OTLP over HTTP; without it none are made."""
    allow_open_bind: bool = False
    """Listen beyond loopback without keys or without TLS; every start says so in the log."""
    tls_certificate: Path | None = None
    """PEM file with the certificate chain that the API shows; it then speaks TLS 1.3 alone."""
    tls_key: Path | None = None
    """PEM file with its key."""
    tls_client_ca: Path | None = None
    """PEM file of who vouches for clients; a client without such a certificate is refused."""
    tls_ca: Path | None = None
    """PEM file of who vouches for stores and venues, in place of the system's own."""
    header_timeout_s: Annotated[float, Field(ge=0.1, le=600)] = 10.0
    """How long a client may take to say what it wants."""
    require_keys: Literal["auto", "always", "never"] = "auto"
    """Ask everybody for an API key; `auto` does so when `host` is not loopback."""
    key_peppers: dict[str, SecretStr] = {}
    """Secrets under which keys are hashed, by name; the last one is used for new keys."""
    key_days: Annotated[int, Field(ge=1, le=366)] = 30
    """How long a key is good before it retires."""
    key_rotate_days: Annotated[int, Field(ge=0, le=366)] = 23
    """At which age a successor is due."""
    key_grace_hours: Annotated[int, Field(ge=0, le=8784)] = 72
    """How long a key that has retired or was replaced is still taken."""
    key_cache_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """How long a look-up of a key is believed: a revocation is felt everywhere within it."""
    key_dir: Path | None = None
    """Folder in which this process writes successors of keys that are delivered as files."""
    limit_per_ip: Annotated[int, Field(ge=1, le=10_000_000)] = 1200
    """Units that an address may ask for in a minute, before anybody looks at its key."""
    limit_per_key: Annotated[int, Field(ge=1, le=10_000_000)] = 6000
    """Units that a key may ask for in a minute, where it has no limit of its own."""
    limits_when_away: Literal["local", "refuse", "allow"] = "local"
    """Without Redis, limits are counted in each process, everything is refused, or nothing."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies whose X-Forwarded-For is believed."""
    audit_key: SecretStr | None = None
    """What the audit log is chained with; without it a key is made in `data_dir`."""
    audit_queue: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    """Events that may wait for the disk; what comes beyond it is counted in the log itself."""
    audit_segment_mb: Annotated[int, Field(ge=1, le=1024)] = 16
    """At which size a file of the audit log is closed and shipped to the cold tier."""
    audit_anchor_s: Annotated[float, Field(ge=0.1, le=86_400)] = 300.0
    """How often the head of the chain is written down in the cold tier."""
    audit_kept_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """How long shipped files of the audit log stay in `data_dir`."""
    storage: Literal["embedded", "memory"] = "embedded"
    """What a tier is that has no URL of its own below."""
    data_dir: Path = Path("var/data")
    """The embedded tiers, and the journal that bridges an absence of Redis."""
    redis_url: SecretStr | None = None
    """The hot tier: `redis://…` or `rediss://…`; of a cluster any one node."""
    redis_cluster: bool = False
    redis_replicas: Annotated[int, Field(ge=0, le=5)] = 0
    """Replicas that must have an entry before it counts as appended."""
    mongodb_url: SecretStr | None = None
    """The warm tier: `mongodb://…` of a replica set or of a sharded cluster."""
    mongodb_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = "marketdata"
    s3_bucket: str | None = None
    """The cold tier: a bucket of any S3."""
    s3_endpoint: Annotated[str, Field(pattern=r"^[^@]*$")] | None = None
    """Where that S3 is, unless it is Amazon's own."""
    s3_region: str = "us-east-1"
    s3_prefix: str = ""
    s3_access_key_id: str | None = None
    s3_secret_access_key: SecretStr | None = None
    store_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Patience with one request to Redis, MongoDB or S3."""
    journal_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """How much is kept on this machine's disk while Redis is away; then sockets are not read."""
    lease_s: Annotated[float, Field(ge=0.1, le=600)] = 10.0
    """How long a worker owns a market without renewing."""
    collect_copies: Annotated[int, Field(ge=1, le=3)] = 1
    """How many collectors follow each symbol; one appends, the others stand by with the newest."""
    held_buckets: Annotated[int, Field(ge=100, le=25_000)] = 20_000
    """Unsaved buckets a worker holds at most while MongoDB is away; then it reads no further."""
    symbols: dict[Venue, tuple[Symbol, ...]] = dict.fromkeys(Venue, ("BTCUSDT",))
    discover: dict[Venue, Discover] = {}
    """By venue, symbols that are found by their rank and collected beside the named ones."""
    endpoints: dict[Venue, Endpoint] = ENDPOINTS
    binance_trade_stream: Literal["aggTrade", "trade"] = "aggTrade"
    """`aggTrade` can be back-filled exactly; `trade` is what most captures hold."""
    book_levels: Annotated[int, Field(ge=1, le=1000)] = 200
    """Levels a side that are published for `…/depth`."""
    batch_ms: Annotated[int, Field(ge=1, le=1000)] = 10
    batch_events: Annotated[int, Field(ge=1, le=100_000)] = 500
    queue_batches: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Batches waiting for the log before the socket is no longer read."""
    save_ms: Annotated[int, Field(ge=10, le=60_000)] = 250
    """How often changed aggregates are saved; younger trades are read from the log."""
    signals: bool = True
    """Analyse each market's order flow beside its bars: measures by the minute, and signals."""
    lateness_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 2000
    """The watermark runs this far behind the newest match time."""
    hot_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """How long raw events and one-second aggregates are kept."""
    minutes_kept_hours: Annotated[int, Field(ge=1, le=8784)] = 24
    """How long one-minute aggregates are kept."""
    hours_kept_days: Annotated[int, Field(ge=1, le=3660)] = 7
    """How long hours are kept, and days in the warm tier."""
    flow_kept_days: Annotated[int, Field(ge=1, le=366)] = 7
    """How long the minutes of order flow are kept."""
    signals_kept_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """How long signals are kept; nothing of them is archived."""
    reconciliations_kept_hours: Annotated[int, Field(ge=1, le=8784)] = 24
    """How long it is kept what the venue's klines said of each minute."""
    tiering_every_s: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    """How often it is looked for what may move to the next tier."""
    reconcile: bool = True
    """Hold every closed minute against the venue's own kline, asked for by REST."""
    reconcile_delay_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long after its end a minute is compared."""
    reconcile_back_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """How far back from a market's newest minute it is compared, also at a first start."""
    reconcile_patience_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    """How long a minute waits for the venue's kline before it is called unavailable."""
    rest_timeout_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    backoff_first_s: Annotated[float, Field(gt=0, le=60)] = 0.5
    backoff_cap_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    breaker_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """Failures in a row after which an endpoint is left alone; WebSocket and REST apart."""
    breaker_recovery_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    first_message_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Patience for a stream's first message; then the venue is asked whether there is any."""
    stale_after_s: Annotated[float, Field(gt=0, le=600)] = 3.0
    """Patience with the busiest stream; a quieter one gets four times its usual silence."""
    lifetime_hours: Annotated[float, Field(gt=0, le=24)] = 23.5
    """A connection is relieved at this age; Binance cuts it at 24 h."""
    overlap_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long at most an old connection stays beside the one that relieves it."""
    hot_hot: bool = False
    """Carry every stream twice; what comes first counts."""
    book_refresh_s: Annotated[float, Field(ge=1, le=86_400)] = 1800.0
    """How often a book is renewed from a REST snapshot without losing sync."""
    ticker_every_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """How often the venue's best quotes are held against one of a connection's books."""
    stream_connections: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Readers of the live stream at one time, by WebSocket and by server-sent events together."""
    stream_subscriptions: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Channels that one connection may listen to."""
    stream_controls_per_s: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Requests that a connection may send in a second."""
    stream_outbox_kb: Annotated[int, Field(ge=64, le=65_536)] = 512
    """What may wait for one slow reader; beyond it channels conflate, or the reader is told off."""
    stream_send_timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 5.0
    """How long a reader may take nothing at all before its connection is closed."""
    stream_channels: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Different channels at work in one process."""
    stream_depth_ms: Annotated[int, Field(ge=10, le=60_000)] = 100
    """How often a listened book is looked at."""
    stream_answers_ms: Annotated[int, Field(ge=50, le=600_000)] = 1000
    """How often profile, order flow, candles and anomalies are asked again for who listens."""
    stream_heartbeat_s: Annotated[float, Field(ge=0.1, le=600)] = 5.0
    """After how much silence a channel says that it is alive."""
    stream_per_ip: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Connections to the live stream from one address."""
    stream_per_key: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Connections to the live stream with one key."""
    allowed_hosts: tuple[str, ...] = ()
    """Names by which the service may be called beside loopback and the socket's own address."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages that may call it; a browser's request from elsewhere is refused."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("endpoints")
    @classmethod
    def _keep_defaults(cls, given: dict[Venue, Endpoint]) -> dict[Venue, Endpoint]:
        """Naming one venue's endpoint leaves the others where they are."""
        return {**ENDPOINTS, **given}

    @property
    def asks_for_keys(self) -> bool:
        """Whether nobody is answered without a key."""
        by_host = self.require_keys == "auto" and not is_loopback(self.host)
        return by_host or self.require_keys == "always"

    @model_validator(mode="after")
    def _refuse_open_bind(self) -> Self:
        if self.allow_open_bind or is_loopback(self.host):
            return self
        if not self.asks_for_keys or self.tls_certificate is None:
            msg = (
                f"host {self.host} is not loopback: that needs keys (require_keys) and TLS "
                "(tls_certificate, tls_key); set allow_open_bind to do without, behind a proxy"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _refuse_half_a_guard(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            msg = "tls_certificate and tls_key go together"
            raise ValueError(msg)
        if self.tls_client_ca is not None and self.tls_certificate is None:
            msg = "tls_client_ca says something of tls_certificate, which is not set"
            raise ValueError(msg)
        if self.key_rotate_days > self.key_days:
            msg = "key_rotate_days comes before key_days, or a key retires without a successor"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _refuse_half_a_tier(self) -> Self:
        if (self.redis_cluster or self.redis_replicas) and self.redis_url is None:
            msg = "redis_cluster and redis_replicas say something of redis_url, which is not set"
            raise ValueError(msg)
        named = self.s3_endpoint or self.s3_prefix or self.s3_access_key_id
        if self.s3_bucket is None and (named or self.s3_secret_access_key):
            msg = "the s3_… settings say something of s3_bucket, which is not set"
            raise ValueError(msg)
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            msg = "s3_access_key_id and s3_secret_access_key go together"
            raise ValueError(msg)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the TOML file named by `toml_file`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def goes_in_the_clear(url: str) -> bool:
    """Whether the URL of a store leads to another machine without TLS."""
    parts = urlsplit(url)
    said = parse_qs(parts.query)
    tls = parts.scheme in {"rediss", "mongodb+srv"}
    tls = tls or "true" in {*said.get("tls", ()), *said.get("ssl", ())}
    hosts = [urlsplit(f"//{one}").hostname for one in parts.netloc.rpartition("@")[2].split(",")]
    return not tls and not all(is_loopback(host or "") for host in hosts)


def load(config: Path | None = None, **overrides: object) -> Settings:
    """Read the settings, from a TOML file where one is given.

    Raises pydantic's ValidationError, which names each wrong setting, SettingsError where a
    variable or the file cannot be read at all, or FileNotFoundError.
    """
    try:
        settings = _read(config, overrides)
    except (SourceError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"settings cannot be read: {error}"
        raise SettingsError(msg) from error
    # Whatever this process says from now on, a secret that it holds is not in it.
    hide(secrets_of(settings))
    return settings


def complaint(error: ValidationError) -> str:
    """Say in one line which settings are wrong, and how."""
    parts = (
        f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()
    )
    return "wrong setting: " + "; ".join(parts)


def _read(config: Path | None, overrides: dict[str, object]) -> Settings:
    if config is None:
        return Settings(**overrides)  # type: ignore[arg-type]
    if not config.is_file():
        raise FileNotFoundError(2, "no such file", str(config))
    described = SettingsConfigDict(**{**Settings.model_config, "toml_file": config})
    filed = type("Settings", (Settings,), {"model_config": described, "__doc__": Settings.__doc__})
    return filed(**overrides)  # type: ignore[no-any-return]
