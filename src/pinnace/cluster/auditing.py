"""The audit log that the settings ask for; what is wrong with them is said in upstream's words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pinnace.apiserver.audit.config import (
    FORMATS,
    MODES,
    VERSION,
    AuditConfig,
    BatchConfig,
    LogConfig,
    TruncateConfig,
    WebhookConfig,
)
from pinnace.apiserver.audit.log_file import ensure_file
from pinnace.apiserver.audit.policy_file import PolicyError, load_policy
from pinnace.client import kubeconfig
from pinnace.cluster.audit_settings import AuditSettings
from pinnace.cluster.config import ConfigError


def audit_config(settings: AuditSettings) -> AuditConfig | None:
    """Return what to make the audit log from, None if there is to be none; raises ConfigError."""
    errors = [*_log_errors(settings), *_webhook_errors(settings)]
    if errors:
        raise ConfigError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    if not settings.audit_policy_file:
        return None
    try:
        policy = load_policy(settings.audit_policy_file)
    except PolicyError as error:
        raise ConfigError(f"loading audit policy file: {error}") from error
    if not settings.audit_log_path and not settings.audit_webhook_config_file:
        return None
    return AuditConfig(policy=policy, log=_log(settings), webhook=_webhook(settings))


def _log(settings: AuditSettings) -> LogConfig | None:
    if not settings.audit_log_path:
        return None
    try:
        ensure_file(settings.audit_log_path)
    except OSError as error:
        where = error.filename or settings.audit_log_path
        raise ConfigError(f"ensureLogFile: {where}: {(error.strerror or '').lower()}") from error
    return LogConfig(
        path=settings.audit_log_path,
        format=settings.audit_log_format,
        max_age=settings.audit_log_maxage,
        max_backups=settings.audit_log_maxbackup,
        max_size=settings.audit_log_maxsize,
        compress=settings.audit_log_compress,
        **_common(settings, "log"),
    )


def _webhook(settings: AuditSettings) -> WebhookConfig | None:
    path = settings.audit_webhook_config_file
    if not path:
        return None
    try:
        found = kubeconfig.load(path)
        tls = found.ssl_context()
    except kubeconfig.ConfigError as error:
        raise ConfigError(f"initializing audit webhook: {error}") from error
    file, text = found.token_file, found.token

    def token() -> str:
        return _first_line(file) if file is not None else text

    return WebhookConfig(
        url=found.server,
        tls=tls,
        server_name=found.server_name or None,
        token=token if file is not None or text else None,
        initial_backoff=settings.audit_webhook_initial_backoff,
        **_common(settings, "webhook"),
    )


def _first_line(path: Path) -> str:
    return path.read_text().strip()


def _common(settings: AuditSettings, sink: str) -> dict[str, Any]:
    """Return what is set for both sinks alike."""

    def of(name: str) -> Any:
        return getattr(settings, f"audit_{sink}_{name}")

    return {
        "mode": of("mode"),
        "batch": BatchConfig(
            buffer_size=of("batch_buffer_size"),
            max_size=of("batch_max_size"),
            max_wait=of("batch_max_wait"),
            throttle=of("batch_throttle_enable"),
            rate=of("batch_throttle_qps"),
            burst=of("batch_throttle_burst"),
        ),
        "truncate": TruncateConfig(
            max_batch_size=of("truncate_max_batch_size"),
            max_event_size=of("truncate_max_event_size"),
        )
        if of("truncate_enabled")
        else None,
    }


def _log_errors(settings: AuditSettings) -> Iterator[str]:
    if not settings.audit_log_path:
        return
    yield from _common_errors(settings, "log")
    if settings.audit_log_format not in FORMATS:
        allowed = ",".join(FORMATS)
        yield (
            f'invalid audit log format {settings.audit_log_format}, allowed formats are "{allowed}"'
        )
    for name in ("maxage", "maxbackup", "maxsize"):
        value = getattr(settings, f"audit_log_{name}")
        if value < 0:
            yield f"--audit-log-{name} {value} can't be a negative number"


def _webhook_errors(settings: AuditSettings) -> Iterator[str]:
    if settings.audit_webhook_config_file:
        yield from _common_errors(settings, "webhook")


def _common_errors(settings: AuditSettings, sink: str) -> Iterator[str]:
    def of(name: str) -> Any:
        return getattr(settings, f"audit_{sink}_{name}")

    yield from list(_batch_errors(sink, _common(settings, sink)["batch"], of("mode")))[:1]
    event, batch = of("truncate_max_event_size"), of("truncate_max_batch_size")
    if event <= 0:
        yield f"invalid audit truncate {sink} max event size {event}, must be a positive number"
    elif batch < event:
        yield (
            f"invalid audit truncate {sink} max batch size {batch}, must be greater than max event "
            f"size ({event})"
        )
    if of("version") != VERSION:
        yield f'invalid group version, allowed versions are ["{VERSION}"]'


def _batch_errors(sink: str, batch: BatchConfig, mode: str) -> Iterator[str]:
    if mode not in MODES:
        yield f'invalid audit {sink} mode {mode}, allowed modes are "{",".join(MODES)}"'
    if mode != "batch":
        return
    said = f"invalid audit batch {sink}"
    checked: list[tuple[str, float]] = [
        ("buffer size", batch.buffer_size),
        ("max batch size", batch.max_size),
    ]
    if batch.throttle:
        checked += [("throttle QPS", batch.rate), ("throttle burst", batch.burst)]
    for what, value in checked:
        if value <= 0:
            yield f"{said} {what} {value:g}, must be a positive number"
