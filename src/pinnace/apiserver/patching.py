"""The patch of a request: read once, applied to whatever object is there, refused in upstream's
words.

A patch that cannot be read is a bad request. One that makes an object no object of its kind is
invalid, and the answer shows what it made: the patched object, or for a strategic merge, which
decodes no JSON, the patch.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from pinnace.api import fieldvalidation
from pinnace.api.codec import jsonsyntax
from pinnace.api.codec.json import check_depth, go_name
from pinnace.api.errors import BadRequest, Cause, Invalid, UnsupportedMediaType, invalid
from pinnace.api.fits import fits
from pinnace.api.gotext import plain
from pinnace.api.objects import Object
from pinnace.api.patch import json as json_patch
from pinnace.api.patch import merge, strategic
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized, unlike
from pinnace.apiserver import bodies
from pinnace.apiserver.core import Call

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

Apply = Callable[[Object, Any, Resource], Object]
TYPES: Mapping[str, Apply] = MappingProxyType(
    {
        JSON_PATCH: lambda doc, patch, row: json_patch.apply(doc, patch),
        MERGE: lambda doc, patch, row: merge.apply(doc, patch),
        STRATEGIC: strategic.apply,
    }
)
# What a server-side apply is sent as.
APPLY = ("application/apply-patch+yaml",)
_PREFIX = "error decoding patch: "
_OPERATION = "handlers.jsonPatchOp"
_OPERATION_FIELDS = ("op", "path", "from")


@dataclass(frozen=True, slots=True)
class Patching:
    """The patch of one request for objects of one kind."""

    call: Call
    row: Resource
    media: str
    patch: Any
    # What a strict decoder has against the patch itself.
    errors: list[str]

    def made(self, old: Object) -> Object:
        """Return the patched object as Go would write it; raises ApiError."""
        new = TYPES[self.media](old, self.patch, self.row)
        if self.media != STRATEGIC:
            # A strategic merge works on copies of its own.
            new = bodies.copy(new)
        if self.media != STRATEGIC and not new.get("apiVersion"):
            # Upstream decodes it into a kind of no version, which knows no metadata.
            raise BadRequest(
                f"the name of the object ({self.call.info.name} based on URL) was undeterminable: "
                "name must be provided"
            )
        self._check_kind(old, new)
        unknown = self.errors + self._unknown(old, new)
        directive = self.call.request.param("fieldValidation") or "Warn"
        if unknown and directive == "Strict":
            raise self._invalid(old, new, f"strict decoding error: {', '.join(unknown)}")
        if directive != "Ignore":
            self.call.warnings.extend(unknown)
        return new if self.row.custom is not None else bodies.as_written(new, self.row, like=old)

    def _unknown(self, old: Object, new: Object) -> list[str]:
        """Return what the kind does not know of an object; raises Invalid for wrong types."""
        if self.row.custom is not None:
            try:
                return [f'unknown field "{path}"' for path in self.row.custom.prune(new)]
            except ValueError as error:
                raise self._invalid(old, new, str(error)) from None
        if fits(unlike(new, old), self.row):
            return []
        wrong = self._type_errors(new)
        if wrong:
            raise self._invalid(old, new, wrong[0])
        return fieldvalidation.unknown_fields(new, self.row)

    def _check_kind(self, old: Object, new: Object) -> None:
        if self.media == STRATEGIC:
            # Restored into a struct of the kind, whatever it says.
            new["kind"], new["apiVersion"] = self.row.kind, self.row.group_version
        try:
            bodies.expect_kind(new, self.row.kind, self.row.group_version)
        except BadRequest as error:
            why = error.message.partition(" cannot be handled as a ")[2].partition(": ")[2]
            raise self._invalid(old, new, why or error.message) from None

    def _type_errors(self, new: Object) -> list[str]:
        if self.media == STRATEGIC:
            return fieldvalidation.restore_errors(new, self.row)
        return fieldvalidation.type_errors(new, self.row)

    def _invalid(self, old: Object, new: Object, why: str) -> Invalid:
        if self.media == STRATEGIC:
            given = plain(self.patch)
        elif self.row.custom is not None:
            # Of no Go type: written with sorted keys before it is patched.
            given = orjson.dumps(new, option=orjson.OPT_SORT_KEYS).decode()
        else:
            before = normalized(old, self.row)
            made = {name: _as_patched(before.get(name), new[name]) for name in sorted(new)}
            given = orjson.dumps(made).decode()
        shown = json.dumps(given, ensure_ascii=False)
        cause = Cause("FieldValueInvalid", "patch", f"Invalid value: {shown}: {why}")
        return invalid("", "", "", [cause])


def read(call: Call, row: Resource) -> Patching:
    """Read the patch of a request; raises BadRequest and UnsupportedMediaType."""
    media = bodies.media_type(call.request)
    if media not in TYPES:
        raise unsupported()
    if media == STRATEGIC and call.row.custom is not None:
        # Nobody says of custom resources how their lists are merged strategically.
        raise bodies.unsupported((JSON_PATCH, MERGE, *APPLY))
    if call.trail is not None:
        call.trail.patched(call.request.body)
    strict = (call.request.param("fieldValidation") or "Warn") != "Ignore"
    patch = _decoded(call.request.body, "" if media == STRATEGIC else _PREFIX)
    if media == JSON_PATCH:
        patch = [] if patch is None else patch
        if strict:
            _check_operations(patch)
    elif strict and patch is not None and not isinstance(patch, dict):
        prefix = _PREFIX if media == MERGE else ""
        raise BadRequest(
            f"{prefix}json: cannot unmarshal {go_name(patch)} into Go value of type "
            "map[string]interface {}"
        )
    elif media == STRATEGIC and patch is None:
        patch = {}
    errors = _strict_errors(call.request.body, patch, media) if strict else []
    return Patching(call, row, media, patch, errors)


def unsupported() -> UnsupportedMediaType:
    """Return what upstream's router says of a patch of an unknown type."""
    return UnsupportedMediaType("415: Unsupported Media Type", details={})


def _decoded(body: bytes, prefix: str) -> Any:
    try:
        patch = orjson.loads(body)
        check_depth(patch)
    except orjson.JSONDecodeError as error:
        said = jsonsyntax.complaint(body) or str(error)
        raise BadRequest(f"{prefix}{said}") from None
    except BadRequest:
        raise BadRequest(f"{prefix}{jsonsyntax.TOO_DEEP}") from None
    return patch


def _check_operations(patch: Any) -> None:
    """Refuse what Go cannot decode as a list of operations."""
    if not isinstance(patch, list):
        raise _misfit(patch, f"value of type []{_OPERATION}")
    for op in patch:
        if op is not None and not isinstance(op, dict):
            raise _misfit(op, f"value of type {_OPERATION}")
        for name in _OPERATION_FIELDS:
            given = (op or {}).get(name)
            if given is not None and not isinstance(given, str):
                raise _misfit(given, f"struct field jsonPatchOp.{name} of type string")


def _misfit(value: Any, what: str) -> BadRequest:
    return BadRequest(f"{_PREFIX}json: cannot unmarshal {go_name(value)} into Go {what}")


def _strict_errors(body: bytes, patch: Any, media: str) -> list[str]:
    repeated = fieldvalidation.repeated_fields(body) if fieldvalidation.may_repeat(body) else []
    if media != JSON_PATCH:
        return repeated
    known = (*_OPERATION_FIELDS, "value")
    unknown = [
        f'unknown field "[{at}].{name}"'
        for at, op in enumerate(patch)
        for name in op or ()
        if name not in known
    ]
    return [f"json patch {error}" for error in (*repeated, *unknown)]


def _as_patched(old: Any, new: Any) -> Any:
    """Return a patched value as upstream's library writes it: with the keys of what it touched
    sorted, and the rest as it was.
    """
    if old == new:
        return old
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        return {name: _as_patched(before.get(name), new[name]) for name in sorted(new)}
    if isinstance(new, list) and isinstance(old, list):
        return [
            _as_patched(old[at] if at < len(old) else None, item) for at, item in enumerate(new)
        ]
    return new
