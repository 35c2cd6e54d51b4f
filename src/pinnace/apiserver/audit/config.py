"""What an audit log is made from; the defaults are upstream's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Literal

from pinnace.apiserver.audit.policy import Policy

Mode = Literal["batch", "blocking", "blocking-strict"]
MODES = ("batch", "blocking", "blocking-strict")
FORMATS = ("legacy", "json")
VERSION = "audit.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """How events are gathered before a sink gets them; the rate is of batches a second."""

    buffer_size: int = 10_000
    max_size: int = 1
    max_wait: float = 0.0
    throttle: bool = False
    rate: float = 0.0
    burst: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateConfig:
    """The most bytes that an event and a batch may have."""

    max_batch_size: int = 10 * 1024 * 1024
    max_event_size: int = 100 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """The file that events are written to, "-" for standard output.

    `max_size` is in MiB (0: never begin a new file), `max_age` in days (0: for ever), `max_backups`
    a number of files (0: all).
    """

    path: str
    format: str = "json"
    max_age: int = 366
    max_backups: int = 100
    max_size: int = 100
    compress: bool = False
    mode: Mode = "blocking"
    batch: BatchConfig = BatchConfig()
    truncate: TruncateConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """The server that events are posted to."""

    url: str
    tls: SSLContext | None = None
    server_name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    # Returns a token that may change, as one in a file does.
    token: Callable[[], str] | None = None
    initial_backoff: float = 10.0
    mode: Mode = "batch"
    batch: BatchConfig = BatchConfig(
        max_size=400, max_wait=30.0, throttle=True, rate=10.0, burst=15
    )
    truncate: TruncateConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The policy, and where events go."""

    policy: Policy
    log: LogConfig | None = None
    webhook: WebhookConfig | None = None
