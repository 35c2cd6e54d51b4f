"""APIServices and CustomResourceDefinitions: what widens the API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.custom.definitions import TERMINATING, with_condition
from pinnace.api.custom.formats import is_supported
from pinnace.api.objects import Object
from pinnace.api.validation.structurals import inner_schemas
from pinnace.apiserver.strategies.base import Context, Strategy

NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


@dataclass(frozen=True, kw_only=True)
class ApiServices(Strategy):
    """Marks local API services as available."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin with an empty status, or Available when local."""
        obj["status"] = {}
        if not (obj.get("spec") or {}).get("service"):
            obj["status"]["conditions"] = [
                {
                    "type": "Available",
                    "status": "True",
                    "lastTransitionTime": ctx.now or None,
                    "reason": "Local",
                    "message": "Local APIServices are always available",
                }
            ]


@dataclass(frozen=True, kw_only=True)
class Definitions(Strategy):
    """CustomResourceDefinitions remember every version that they ever stored, and outlive their
    objects."""

    def prepare_delete(self, obj: Object, now: str) -> None:
        """Hold the definition until all of its objects are gone."""
        metadata = obj["metadata"]
        finalizers = metadata.get("finalizers") or []
        if CLEANUP not in finalizers:
            metadata["finalizers"] = [*finalizers, CLEANUP]
        with_condition(
            obj,
            {
                "type": TERMINATING,
                "status": "True",
                "reason": "InstanceDeletionPending",
                "message": "CustomResourceDefinition marked for deletion; CustomResource deletion "
                "will begin soon",
            },
            now,
        )

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin with the one storage version."""
        super().prepare_create(obj, ctx)
        obj["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}}
        _remember_storage(obj)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the status, but for a new storage version."""
        super().prepare_update(obj, old, ctx)
        _remember_storage(obj)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of formats that nothing checks, and that the old definition did not name."""
        known = set(_unknown_formats(old)) if old is not None else set()
        return [
            *super().warnings(obj, old),
            *(
                f'unrecognized format "{name}"'
                for name in _unknown_formats(obj)
                if name not in known
            ),
        ]


def _unknown_formats(definition: Object) -> Iterator[str]:
    seen: list[Any] = []
    for version in (definition.get("spec") or {}).get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        # What all versions share is looked at once.
        if schema is not None and schema not in seen:
            seen.append(schema)
            yield from _formats_in(schema)


def _formats_in(schema: Mapping[str, Any]) -> Iterator[str]:
    name, kind = schema.get("format"), schema.get("type") or ""
    if name and not (
        is_supported(name) if kind in ("", "string") else name in NUMBERS.get(kind, ())
    ):
        yield name
    for inner in inner_schemas(schema):
        yield from _formats_in(inner)


def _remember_storage(definition: Object) -> None:
    versions = (definition.get("spec") or {}).get("versions") or ()
    named = (version.get("name") or "" for version in versions if version.get("storage"))
    name = next(named, None)
    status = dict(definition.get("status") or {})
    stored = status.get("storedVersions") or []
    if name is not None and name not in stored:
        definition["status"] = {**status, "storedVersions": [*stored, name]}
