"""What a kind does to an object before it is stored: the interface, with the usual answers.

A `Strategy` says by its fields what most kinds need (is there a status, is the spec counted in
`metadata.generation`, which fields may a field selector name); a kind with manners of its own
subclasses it. Every method is pure: it changes the private copy that it is given and nothing else.

The order of a create is: default, `prepare_create`, validate. Of an update: default,
`prepare_update` (or `prepare_status_update`, `prepare_subresource_update`), validate. The server
itself keeps name, namespace, uid, creationTimestamp, deletionTimestamp and generation of the old
object before it calls `prepare_update`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.schema.internal import same
from pinnace.api.wire import ANONYMOUS, User

Path = tuple[str, ...]
META_FIELDS = ("metadata.name", "metadata.namespace")
BACKGROUND = "Background"
ORPHAN = "Orphan"
OWN_OF_A_STATUS_WRITE = ("kind", "apiVersion", "metadata", "status")
# What upstream's ResetObjectMetaForStatus takes from the old object.
ALL_METADATA = (
    "deletionTimestamp", "generation", "selfLink", "labels", "annotations", "finalizers",
    "ownerReferences",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who writes, and when (RFC 3339); some kinds put these into the object."""

    user: User = ANONYMOUS
    now: str = ""


def at(obj: Object, path: Path) -> Any:
    """Return what is found along a path of keys, or None."""
    value: Any = obj
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def as_label(value: Any) -> str:
    """Return a value as a field selector compares it: Go's text of it, empty when unset."""
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def keep(obj: Object, old: Object, key: str) -> None:
    """Make a top-level field what it was in the old object."""
    if key in old:
        obj[key] = old[key]
    else:
        obj.pop(key, None)


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How one kind is prepared, selected and deleted.

    `status_on_create` lets a client set the status of a new object (Nodes). A status write takes
    the metadata fields in `status_keeps_metadata` from the old object. `counted` names the
    top-level fields whose change raises metadata.generation; empty means that the kind does not
    count; `spec_type` is the internal type of what is counted, for kinds to which an empty list is
    none. `selectable` maps a field label to the path of its value, beside metadata.name and
    metadata.namespace. `without_effect` is the warning for whoever creates an object of a kind that
    is stored while nothing here acts on it.
    """

    status: bool = False
    status_on_create: bool = False
    status_keeps_metadata: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    spec_type: str = ""
    first_generation: int = 1
    allow_unconditional_update: bool = True
    allow_create_on_update: bool = False
    propagation: str = BACKGROUND
    selectable: Mapping[str, Path] = field(default_factory=dict)
    meta_labels: tuple[str, ...] = META_FIELDS
    label_error: str = "field label not supported: {label}"
    without_effect: str = ""

    # -- writing ------------------------------------------------------------------------------

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop what a client may not set on creation and fill in what the kind begins with."""
        if self.status and not self.status_on_create:
            obj.pop("status", None)
        if self.counted and self.first_generation:
            obj["metadata"]["generation"] = self.first_generation

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Undo what the main endpoint may not change; count a changed spec."""
        if self.status:
            keep(obj, old, "status")
        self.count(obj, old)

    def count(self, obj: Object, old: Object) -> None:
        """Raise metadata.generation when a counted field differs from the old object's."""
        if any(self._differs(obj.get(key), old.get(key)) for key in self.counted):
            obj["metadata"]["generation"] = int(old["metadata"].get("generation") or 0) + 1

    def _differs(self, new: Any, old: Any) -> bool:
        return bool(new != old and not (self.spec_type and same(self.spec_type, new, old)))

    def prepare_status_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep everything but the status and the metadata that a status write may change."""
        for key in [key for key in obj if key not in OWN_OF_A_STATUS_WRITE and key not in old]:
            del obj[key]
        for key, value in old.items():
            if key not in OWN_OF_A_STATUS_WRITE:
                obj[key] = value
        self.prepare_status_metadata(obj, old)

    def prepare_status_metadata(self, obj: Object, old: Object) -> None:
        """Take back the metadata that a status write may not change; upstream's usual is none."""
        meta, old_meta = obj["metadata"], old["metadata"]
        for key in self.status_keeps_metadata:
            keep(meta, old_meta, key)

    def prepare_subresource_update(
        self, subresource: str, obj: Object, old: Object, ctx: Context
    ) -> None:
        """Keep what a write to the named subresource may not change."""
        if subresource == "status":
            self.prepare_status_update(obj, old, ctx)
        elif subresource == "scale":
            # A write of the whole object, of which the client sees the replicas only.
            self.prepare_update(obj, old, ctx)

    def reset_fields(self, subresource: str = "") -> tuple[Path, ...]:
        """Return the paths that no writer to this endpoint can own, since they are reset."""
        if not self.status:
            return ()
        if subresource != "status":
            return (("status",),)
        kept = self.status_keeps_metadata == ALL_METADATA
        return (("metadata",), ("spec",)) if kept else (("spec",),)

    def written_fields(self, subresource: str) -> tuple[Path, ...]:
        """Return the paths, with `*` for any item, that are all that an endpoint writes; or none.

        Empty means that everything is written that is not reset.
        """
        return ()

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Return the warnings that a write of this object earns."""
        return [self.without_effect] if self.without_effect and old is None else []

    def early_warnings(self, obj: Object) -> list[str]:
        """Return the warnings that a new object earns before it is prepared, even if refused."""
        return []

    def status_warnings(self, obj: Object) -> list[str]:
        """Return the warnings that a write of the status earns."""
        return []

    # -- reading ------------------------------------------------------------------------------

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return the value of every field that a field selector may name."""
        meta = obj.get("metadata") or {}
        fields = {
            "metadata.name": meta.get("name") or "",
            "metadata.namespace": meta.get("namespace") or "",
        }
        for label, path in self.selectable.items():
            fields[label] = as_label(at(obj, path))
        return fields

    def field_label(self, label: str) -> str:
        """Return the label under which a field is selectable; raises BadRequest for others."""
        if label in self.meta_labels or label in self.selectable:
            return label
        if not self.selectable:
            raise BadRequest(
                f'"{label}" is not a known field selector: only "metadata.name", '
                '"metadata.namespace"'
            )
        raise BadRequest(self.label_error.format(label=label))

    # -- deleting -----------------------------------------------------------------------------

    def prepare_delete(self, obj: Object, now: str) -> None:
        """Note in an object whose deletion is asked for the first time what must come before."""

    def grace_period(self, obj: Object, requested: int | None) -> int | None:
        """Return the seconds that a delete waits; None when the kind is never deleted gracefully.

        0 means now. A kind that answers a number gets deletionTimestamp and
        deletionGracePeriodSeconds set and stays until someone deletes it with 0.
        """
        return None
