"""Objects of CustomResourceDefinitions: everything outside the metadata counts as a generation."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Strategy


@dataclass(frozen=True, kw_only=True)
class CustomResources(Strategy):
    """With a status subresource the two endpoints are kept apart; without, status is plain data."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop a status that has an endpoint of its own, and begin to count."""
        if self.status:
            obj.pop("status", None)
        obj["metadata"]["generation"] = 1

    def count(self, obj: Object, old: Object) -> None:
        """Count every change outside the metadata (the status is the old one by now)."""
        if _content(obj) != _content(old):
            obj["metadata"]["generation"] = int(old["metadata"].get("generation") or 0) + 1

    def prepare_status_metadata(self, obj: Object, old: Object) -> None:
        """Take all metadata from the old object, except who manages which field."""
        managed = obj["metadata"].get("managedFields")
        obj["metadata"] = dict(old["metadata"])
        if managed is not None:
            obj["metadata"]["managedFields"] = managed

    def reset_fields(self, subresource: str = "") -> tuple[tuple[str, ...], ...]:
        """Return what server-side apply must not own: upstream resets metadata by exclusion."""
        if not self.status:
            return ()
        return (("metadata",), ("spec",)) if subresource == "status" else (("status",),)


def _content(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}
