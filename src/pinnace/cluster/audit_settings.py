"""The settings of the audit log, named as kube-apiserver's flags; the defaults are upstream's."""

from dataclasses import dataclass

from pinnace.cluster.setting_forms import Form, setting

_MODE = (
    "Whether answers wait for the events: batch (no), blocking (yes), blocking-strict (yes, and a "
    "request whose event cannot be kept is refused)."
)
_WITH_BATCH = "Only used in batch mode."


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What the audit log is made from."""

    audit_policy_file: str = setting(
        "", Form.FILE, "The audit policy: what is noted of which requests."
    )
    audit_log_path: str = setting(
        "", Form.FILE, "The file that audit events are written to; - is standard output."
    )
    audit_log_format: str = setting("json", Form.TEXT, "json, or legacy for a line of text.")
    audit_log_version: str = setting("audit.k8s.io/v1", Form.TEXT, "The version of the events.")
    audit_log_maxage: int = setting(
        366, Form.NUMBER, "For how many days old audit logs are kept; 0 is for ever."
    )
    audit_log_maxbackup: int = setting(
        100, Form.NUMBER, "How many old audit logs are kept; 0 is all."
    )
    audit_log_maxsize: int = setting(
        100, Form.NUMBER, "At how many megabytes a new audit log is begun; 0 is never."
    )
    audit_log_compress: bool = setting(False, Form.SWITCH, "Compress old audit logs.")
    audit_log_mode: str = setting("blocking", Form.TEXT, _MODE)
    audit_log_batch_buffer_size: int = setting(
        10000, Form.NUMBER, f"How many events are held at most. {_WITH_BATCH}"
    )
    audit_log_batch_max_size: int = setting(
        1, Form.NUMBER, f"How many events a batch has at most. {_WITH_BATCH}"
    )
    audit_log_batch_max_wait: float = setting(
        0.0, Form.DURATION, f"How long a batch is waited for. {_WITH_BATCH}"
    )
    audit_log_batch_throttle_enable: bool = setting(
        False, Form.SWITCH, f"Limit how many batches go out in a second. {_WITH_BATCH}"
    )
    audit_log_batch_throttle_qps: float = setting(
        0.0, Form.DECIMAL, f"How many batches go out in a second. {_WITH_BATCH}"
    )
    audit_log_batch_throttle_burst: int = setting(
        0, Form.NUMBER, f"How many batches may go out at once. {_WITH_BATCH}"
    )
    audit_log_truncate_enabled: bool = setting(
        False, Form.SWITCH, "Take the objects out of events that are too large."
    )
    audit_log_truncate_max_batch_size: int = setting(
        10485760, Form.NUMBER, "How many bytes a batch has at most."
    )
    audit_log_truncate_max_event_size: int = setting(
        102400, Form.NUMBER, "How many bytes an event has at most."
    )
    audit_webhook_config_file: str = setting(
        "", Form.FILE, "A kubeconfig of the server that audit events are posted to."
    )
    audit_webhook_version: str = setting(
        "audit.k8s.io/v1", Form.TEXT, "The version of the events that are posted."
    )
    audit_webhook_initial_backoff: float = setting(
        10.0, Form.DURATION, "How long to wait before a post that failed is tried again."
    )
    audit_webhook_mode: str = setting("batch", Form.TEXT, _MODE)
    audit_webhook_batch_buffer_size: int = setting(
        10000, Form.NUMBER, f"How many events are held at most. {_WITH_BATCH}"
    )
    audit_webhook_batch_max_size: int = setting(
        400, Form.NUMBER, f"How many events a batch has at most. {_WITH_BATCH}"
    )
    audit_webhook_batch_max_wait: float = setting(
        30.0, Form.DURATION, f"How long a batch is waited for. {_WITH_BATCH}"
    )
    audit_webhook_batch_throttle_enable: bool = setting(
        True, Form.SWITCH, f"Limit how many batches go out in a second. {_WITH_BATCH}"
    )
    audit_webhook_batch_throttle_qps: float = setting(
        10.0, Form.DECIMAL, f"How many batches go out in a second. {_WITH_BATCH}"
    )
    audit_webhook_batch_throttle_burst: int = setting(
        15, Form.NUMBER, f"How many batches may go out at once. {_WITH_BATCH}"
    )
    audit_webhook_truncate_enabled: bool = setting(
        False, Form.SWITCH, "Take the objects out of events that are too large."
    )
    audit_webhook_truncate_max_batch_size: int = setting(
        10485760, Form.NUMBER, "How many bytes a batch has at most."
    )
    audit_webhook_truncate_max_event_size: int = setting(
        102400, Form.NUMBER, "How many bytes an event has at most."
    )
