"""Rules of ResourcePoolStatusRequests, in the words of upstream's declarative validation."""

import re

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, too_long, too_many
from pinnace.api.validation.conditions import check_conditions
from pinnace.api.validation.devices import class_name, said
from pinnace.api.validation.storage import size

POOLS_LIMIT, CONDITIONS_LIMIT = 1000, 10
POOL_NAME_LIMIT, ERROR_LIMIT = 253, 256
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_CASELESS = names.regex_error(
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character",
    _SUBDOMAIN, "Example.com",
)  # fmt: skip


def check_request(report: Report, request: Object) -> None:
    """Check a new request."""
    spec = report.child(request, "spec", "") or {}
    _check_driver(report, spec, "spec")
    if spec.get("poolName") is not None:
        name = report.text(spec, "poolName", "spec")
        _check_pool(report, name, "spec.poolName")
    limit = report.number(spec, "limit", "spec")
    if limit is None:
        report.required("spec.limit")
    elif limit > POOLS_LIMIT:
        detail = f"must be less than or equal to {POOLS_LIMIT}"
        report.invalid("spec.limit", limit, detail)
    elif limit < 1:
        report.invalid("spec.limit", limit, "must be greater than or equal to 1")


def _check_driver(report: Report, holder: Object, path: str) -> None:
    name, where = report.text(holder, "driver", path), f"{path}.driver"
    if not name:
        report.required(where)
        return
    if size(name) > POOL_NAME_LIMIT:
        report.invalid(where, name, names.max_bytes_error(POOL_NAME_LIMIT))
    if not re.fullmatch(_SUBDOMAIN, name, re.ASCII | re.IGNORECASE):
        report.invalid(where, name, _CASELESS)


def _check_pool(report: Report, name: str, path: str) -> None:
    if size(name) > POOL_NAME_LIMIT:
        report.add(too_long(path, POOL_NAME_LIMIT))
    for index, part in enumerate(name.split("/")):
        if not part:
            report.invalid(path, name, f"segment {index}: must not be empty")
        for why in class_name(part) if part else ():
            report.invalid(path, part, f"segment {index}: {why}")


def check_request_update(report: Report, request: Object, old: Object) -> None:
    """Check a changed request: its spec stays."""
    spec = report.child(request, "spec", "") or {}
    if said(spec) != said(old.get("spec") or {}):
        report.invalid("spec", None, IMMUTABLE)


def check_request_status(report: Report, request: Object, old: Object) -> None:
    """Check the answer to a request, which is given once."""
    status, before = report.child(request, "status", ""), old.get("status")
    if before is not None and said(status) != said(before):
        shown = internal("*resource.ResourcePoolStatusRequestStatus", status)
        report.invalid("status", shown, IMMUTABLE)
    elif before is not None:
        return
    if status is None:
        return
    if before is None:
        check_conditions(report, status, "status")
    count = report.number(status, "poolCount", "status")
    if count is None:
        report.required("status.poolCount")
    elif count < 0:
        report.invalid("status.poolCount", count, "must be greater than or equal to 0")
    pools = report.objects(status, "pools", "status")
    if len(pools) > POOLS_LIMIT:
        report.add(too_many("status.pools", len(pools), POOLS_LIMIT))
    else:
        for at, pool in pools:
            _check_answer(report, pool, at)
    conditions = report.objects(status, "conditions", "status")
    if len(conditions) > CONDITIONS_LIMIT:
        report.add(too_many("status.conditions", len(conditions), CONDITIONS_LIMIT))


def _check_answer(report: Report, pool: Object, path: str) -> None:
    _check_driver(report, pool, path)
    name = report.text(pool, "poolName", path)
    if not name:
        report.required(f"{path}.poolName")
    else:
        _check_pool(report, name, f"{path}.poolName")
    generation = report.number(pool, "generation", path) or 0
    if generation == 0:
        report.required(f"{path}.generation")
    for key, least in (
        ("generation", 0), ("resourceSliceCount", 1), ("totalDevices", 0),
        ("allocatedDevices", 0), ("availableDevices", 0), ("unavailableDevices", 0),
    ):  # fmt: skip
        number = report.number(pool, key, path)
        if number is not None and number < least:
            detail = f"must be greater than or equal to {least}"
            report.invalid(f"{path}.{key}", number, detail)
    if pool.get("nodeName") is not None:
        node = report.text(pool, "nodeName", path)
        report.said(f"{path}.nodeName", node, class_name(node))
    if size(report.text(pool, "validationError", path)) > ERROR_LIMIT:
        report.add(too_long(f"{path}.validationError", ERROR_LIMIT))
