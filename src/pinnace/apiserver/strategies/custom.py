"""Objects of CustomResourceDefinitions: everything outside the metadata counts as a generation."""

from dataclasses import dataclass

from pinnace.api import names
from pinnace.api.custom.kind import CustomKind
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.validation.metadata import STANDARD_FINALIZERS
from pinnace.apiserver.strategies.base import Context, Strategy


@dataclass(frozen=True, kw_only=True)
class CustomResources(Strategy):
    """With a status subresource the two endpoints are kept apart; without, status is plain data."""

    custom: CustomKind

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return what any version of the kind selects by."""
        return super().selectable_fields(obj) | self.custom.selected(obj)

    def field_label(self, label: str) -> str:
        """Return the label if this version selects by it; raises BadRequest for others."""
        if label in self.meta_labels or label in self.custom.selectable:
            return label
        raise BadRequest(f"field label not supported: {label}")

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of finalizers whose names may meet with others'."""
        before = ((old or {}).get("metadata") or {}).get("finalizers") or ()
        given = set((obj.get("metadata") or {}).get("finalizers") or ())
        return [text for name in sorted(given.difference(before)) for text in _finalizer(name)]

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


def _finalizer(name: str) -> list[str]:
    """Return upstream's warnings about the name of a finalizer."""
    start = f'metadata.finalizers: "{name}": '
    found = [start + why for why in names.qualified_name(name)]
    if "/" not in name and name not in STANDARD_FINALIZERS:
        including = "including a path (/) " if "." in name else ""
        found.append(
            f"{start}prefer a domain-qualified finalizer name {including}to avoid accidental "
            "conflicts with other finalizer writers"
        )
    return found


def _content(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}
