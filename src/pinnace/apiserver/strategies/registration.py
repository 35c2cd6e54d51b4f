"""APIServices and CustomResourceDefinitions: what widens the API."""

from dataclasses import dataclass

from pinnace.api.custom.definitions import TERMINATING, with_condition
from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Strategy

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


def _remember_storage(definition: Object) -> None:
    versions = (definition.get("spec") or {}).get("versions") or ()
    name = next((version.get("name") for version in versions if version.get("storage")), None)
    status = dict(definition.get("status") or {})
    stored = status.get("storedVersions") or []
    if name and name not in stored:
        definition["status"] = {**status, "storedVersions": [*stored, name]}
