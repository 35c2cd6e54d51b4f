"""What the query of a write may say: fieldManager, dryRun and fieldValidation."""

import orjson

from pinnace.api.errors import Cause, invalid
from pinnace.api.validation.base import quoted
from pinnace.apiserver.core import Call

_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
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
