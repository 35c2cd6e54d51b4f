"""What the query of a write may say: fieldManager, dryRun and fieldValidation."""

from typing import Any

import orjson

from pinnace.api.errors import Cause, invalid
from pinnace.api.objects import Object
from pinnace.api.validation.base import quoted
from pinnace.api.wire import Request
from pinnace.apiserver.admission.base import Operation
from pinnace.apiserver.bodies import read_options
from pinnace.apiserver.core import Call
from pinnace.apiserver.numbers import int64
from pinnace.apiserver.routes import is_true

_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
_ADMITTED = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
_DELETE = ("gracePeriodSeconds", "preconditions", "orphanDependents", "propagationPolicy", "dryRun")
_LONGEST = 128
_CHECKS = ("", "Ignore", "Strict", "Warn")


def check_options(call: Call) -> None:
    """Raise Invalid for options of a create, update or patch that have no meaning."""
    kind = _KINDS.get(call.info.verb)
    if kind is None:
        return
    causes = []
    manager = call.request.param("fieldManager").encode(errors="replace").decode()
    if len(manager.encode(errors="replace")) > _LONGEST:
        why = f"Too long: may not be more than {_LONGEST} bytes"
        causes.append(Cause("FieldValueTooLong", "fieldManager", why))
    for at, letter in enumerate(manager):
        if not letter.isprintable():
            why = f"invalid character U+{ord(letter):04X} (at position {at})"
            shown = quoted(manager)
            causes.append(
                Cause("FieldValueInvalid", "fieldManager", f"Invalid value: {shown}: {why}")
            )
    dry_run = call.request.query.get("dryRun", [])
    if any(value != "All" for value in dry_run):
        causes.append(unsupported("dryRun", dry_run, ("All",)))
    wanted = call.request.param("fieldValidation")
    if wanted not in _CHECKS:
        causes.append(unsupported("fieldValidation", wanted, _CHECKS))
    if causes:
        raise invalid(kind, "meta.k8s.io", "", causes)


def unsupported(field: str, value: object, supported: tuple[str, ...]) -> Cause:
    """Return the cause for a value that is none of those that are supported."""
    shown = orjson.dumps(value).decode()
    values = ", ".join(f'"{one}"' for one in supported)
    why = f"Unsupported value: {shown}: supported values: {values}"
    return Cause("FieldValueNotSupported", field, why)


def written_options(request: Request, operation: Operation) -> Object:
    """Return the options of a write as admission is told of them; none for CONNECT."""
    kind = _ADMITTED.get(operation)
    if kind is None:
        return {}
    options: Object = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if operation == "DELETE":
        found = read_options(request) if request.body else _delete_options(request)
        return options | {name: found[name] for name in _DELETE if found.get(name) is not None}
    if request.query.get("dryRun"):
        options["dryRun"] = request.query["dryRun"]
    for name in ("fieldManager", "fieldValidation"):
        if request.param(name):
            options[name] = request.param(name)
    return options


def _delete_options(request: Request) -> Object:
    """Return the DeleteOptions of a query, which are known to be good."""
    options: dict[str, Any] = {}
    if request.param("gracePeriodSeconds"):
        options["gracePeriodSeconds"] = int64(request.param("gracePeriodSeconds"))
    if request.param("orphanDependents"):
        options["orphanDependents"] = is_true(request, "orphanDependents")
    if request.param("propagationPolicy"):
        options["propagationPolicy"] = request.param("propagationPolicy")
    if request.query.get("dryRun"):
        options["dryRun"] = request.query["dryRun"]
    return options
