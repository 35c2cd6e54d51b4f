"""Rules of probes and lifecycle hooks: what is called, and how often."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, join

SCHEMES = ("HTTP", "HTTPS")
MORE_THAN_ONE = "may not specify more than 1 handler type"
PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold")


def check_port(report: Report, value: Any, path: str) -> None:
    """Check a port that is given by number or by name."""
    if isinstance(value, str):
        report.said(path, value, names.port_name(value))
    elif value is None or (isinstance(value, int) and not isinstance(value, bool)):
        report.said(path, value or 0, names.port_number(value or 0))
    else:
        report.invalid(path, value, "must be a port number or name")


def check_probes(report: Report, container: Object, path: str, grace: int | None) -> None:
    """Check the probes of a container."""
    for key in PROBES:
        if key in container:
            probe = report.child(container, key, path)
            if probe is not None:
                _check_probe(report, probe, key, f"{path}.{key}", grace)


def _check_probe(report: Report, probe: Object, key: str, path: str, grace: int | None) -> None:
    _check_handler(report, probe, path, PROBE_HANDLERS, grace)
    for count in COUNTS:
        report.non_negative(probe, count, path)
    successes = report.non_negative(probe, "successThreshold", path)
    seconds = report.number(probe, "terminationGracePeriodSeconds", path)
    if seconds is not None and seconds <= 0:
        report.invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must be greater than 0")
    if key == "readinessProbe":
        if seconds is not None:
            report.invalid(
                f"{path}.terminationGracePeriodSeconds",
                seconds,
                "must not be set for readinessProbes",
            )
    elif successes != 1:
        report.invalid(f"{path}.successThreshold", successes or 0, "must be 1")


def check_lifecycle(report: Report, container: Object, path: str, grace: int | None) -> None:
    """Check the hooks of a container."""
    lifecycle = report.child(container, "lifecycle", path)
    if lifecycle is None:
        return
    where = f"{path}.lifecycle"
    for key in ("postStart", "preStop"):
        hook = report.child(lifecycle, key, where)
        if hook is not None:
            _check_handler(report, hook, f"{where}.{key}", HOOK_HANDLERS, grace)


def _check_handler(
    report: Report, holder: Object, path: str, kinds: tuple[str, ...], grace: int | None
) -> None:
    found = 0
    for kind in kinds:
        if kind not in holder:
            continue
        action = report.child(holder, kind, path)
        if action is None:
            continue
        found += 1
        if found > 1:
            report.forbidden(join(path, kind), MORE_THAN_ONE)
        else:
            _check_action(report, kind, action, join(path, kind), grace)
    if not found:
        report.required(path, "must specify a handler type")


def _check_action(report: Report, kind: str, action: Object, path: str, grace: int | None) -> None:
    if kind == "exec":
        if not report.texts(action, "command", path):
            report.required(f"{path}.command")
    elif kind == "httpGet":
        _check_http(report, action, path)
    elif kind == "sleep":
        seconds = report.number(action, "seconds", path) or 0
        if grace is not None and not 0 <= seconds <= grace:
            detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            report.invalid(path, seconds, detail)
    else:
        check_port(report, action.get("port"), f"{path}.port")


def _check_http(report: Report, action: Object, path: str) -> None:
    if not report.text(action, "path", path):
        report.required(f"{path}.path")
    check_port(report, action.get("port"), f"{path}.port")
    scheme = report.text(action, "scheme", path)
    if scheme not in SCHEMES:
        report.not_supported(f"{path}.scheme", scheme, SCHEMES)
    for at, header in report.objects(action, "httpHeaders", path):
        name = report.text(header, "name", at)
        report.said(f"{path}.httpHeaders", name, names.http_header_name(name))
