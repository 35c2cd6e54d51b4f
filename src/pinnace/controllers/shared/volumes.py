"""Which PersistentVolume a claim gets: the deciding half of binding.

A binding is written on both sides: the volume's `claimRef` first, so that no second claim takes
it, then the claim's `volumeName`. What the controller chose itself is annotated, so that it may
undo it; what the user chose stays.
"""

from collections.abc import Iterable

from pinnace.api import quantity
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS
from pinnace.api.objects import Object, copied
from pinnace.api.quantity import Quantity
from pinnace.api.selectors import label_selector_from_object
from pinnace.controllers.shared import conditions

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONERS = (
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
)
# The name of the index of Pods by claim.
BY_CLAIM = "claim"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULTS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def has_annotation(obj: Object, name: str) -> bool:
    """Whether an object has an annotation, whatever its value."""
    return name in (obj["metadata"].get("annotations") or {})


def class_of(obj: Object) -> str:
    """Return the storage class of a claim or a volume, empty if it has none."""
    beta = (obj["metadata"].get("annotations") or {}).get(_BETA_CLASS)
    return str(beta if beta is not None else obj["spec"].get("storageClassName") or "")


def says_class(claim: Object) -> bool:
    """Whether a claim has a class, be it the empty one."""
    return has_annotation(claim, _BETA_CLASS) or claim["spec"].get("storageClassName") is not None


def default_class(classes: Iterable[Object]) -> Object | None:
    """Return the class that is marked as default; of several the newest."""
    found = [
        entry
        for entry in classes
        if any(
            (entry["metadata"].get("annotations") or {}).get(name) == "true" for name in _DEFAULTS
        )
    ]
    found.sort(key=lambda entry: str(entry["metadata"]["name"]))
    found.sort(key=lambda entry: str(entry["metadata"]["creationTimestamp"]), reverse=True)
    return found[0] if found else None


def waits_for_consumer(storage_class: Object | None) -> bool:
    """Whether claims of a class are bound only when a Pod that uses them is scheduled."""
    return (
        storage_class is not None
        and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
    )


def capacity(volume: Object) -> Quantity:
    """Return the size of a volume."""
    return quantity.parse((volume["spec"].get("capacity") or {}).get("storage", "0"))


def _requested(claim: Object) -> Quantity:
    resources = claim["spec"].get("resources") or {}
    return quantity.parse((resources.get("requests") or {}).get("storage", "0"))


def is_for(volume: Object, claim: Object) -> bool:
    """Whether a volume is reserved for a claim or bound to it."""
    ref, meta = volume["spec"].get("claimRef"), claim["metadata"]
    if not ref or (ref.get("name"), ref.get("namespace")) != (meta["name"], meta["namespace"]):
        return False
    return not ref.get("uid") or bool(ref["uid"] == meta["uid"])


def same_mode(claim: Object, volume: Object) -> bool:
    """Whether both are filesystems or both are block devices."""
    modes = [obj["spec"].get("volumeMode") or "Filesystem" for obj in (claim, volume)]
    return bool(modes[0] == modes[1])


def _attributes_class(obj: Object) -> str:
    return str(obj["spec"].get("volumeAttributesClassName") or "")


def _has_modes(claim: Object, volume: Object) -> bool:
    wanted = set(claim["spec"].get("accessModes") or ())
    return wanted <= set(volume["spec"].get("accessModes") or ())


def mismatch(volume: Object, claim: Object) -> str:
    """Return why a claim cannot have the volume that it asks for by name; empty if it can."""
    if "deletionTimestamp" in volume["metadata"]:
        return f'the volume is marked for deletion "{volume["metadata"]["name"]}"'
    if capacity(volume).value() < _requested(claim).value():
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if _attributes_class(volume) != _attributes_class(claim):
        return "volumeAttributesClassName does not match"
    if not same_mode(claim, volume):
        return "incompatible volumeMode"
    return "" if _has_modes(claim, volume) else "incompatible accessMode"


def best_match(claim: Object, volumes: Iterable[Object], *, delayed: bool) -> Object | None:
    """Return the volume for a claim: one that is reserved for it, or else the smallest that fits.

    Volumes with fewer access modes come first. With a delayed binding only a reserved volume is
    taken: the scheduler chooses the others.
    """
    fitting = [
        volume
        for volume in volumes
        if (not volume["spec"].get("claimRef") or is_for(volume, claim))
        and _has_modes(claim, volume)
        and "deletionTimestamp" not in volume["metadata"]
        and capacity(volume) >= _requested(claim)
        and same_mode(claim, volume)
        and _attributes_class(volume) == _attributes_class(claim)
    ]
    fitting.sort(
        key=lambda volume: (
            len(volume["spec"].get("accessModes") or ()),
            not is_for(volume, claim),
            capacity(volume),
        )
    )
    for volume in fitting:
        if is_for(volume, claim) or (not delayed and _is_offered(volume, claim)):
            return volume
    return None


def _is_offered(volume: Object, claim: Object) -> bool:
    selector = claim["spec"].get("selector")
    labels = volume["metadata"].get("labels")
    return (
        (volume.get("status") or {}).get("phase") == "Available"
        and (selector is None or label_selector_from_object(selector).matches(labels))
        and class_of(volume) == class_of(claim)
    )


def _annotated(obj: Object, *names: str) -> Object:
    """Return a copy with annotations set to yes."""
    changed = copied(obj)
    known = changed["metadata"].get("annotations") or {}
    changed["metadata"]["annotations"] = {**known, **dict.fromkeys(names, "yes")}
    return changed


def bound_volume(volume: Object, claim: Object) -> Object | None:
    """Return the volume with its side of the binding; None if it has it."""
    ref, meta = volume["spec"].get("claimRef") or {}, claim["metadata"]
    wanted = {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
    chosen = not is_for(volume, claim) and not has_annotation(volume, BOUND_BY_CONTROLLER)
    linked = wanted.items() <= ref.items()
    if linked and not chosen:
        return None
    changed = _annotated(volume, BOUND_BY_CONTROLLER) if chosen else copied(volume)
    if not linked:
        changed["spec"]["claimRef"] = {
            "kind": PERSISTENTVOLUMECLAIMS.kind,
            "apiVersion": PERSISTENTVOLUMECLAIMS.group_version,
            **wanted,
            "resourceVersion": meta.get("resourceVersion"),
        }
    return changed


def bound_claim(claim: Object, volume: Object) -> Object | None:
    """Return the claim with its side of the binding; None if it has it."""
    name = volume["metadata"]["name"]
    chosen = claim["spec"].get("volumeName") != name
    if not chosen and has_annotation(claim, BIND_COMPLETED):
        return None
    changed = _annotated(claim, BIND_COMPLETED, *((BOUND_BY_CONTROLLER,) if chosen else ()))
    changed["spec"]["volumeName"] = name
    return changed


def unbound_volume(volume: Object) -> Object:
    """Return the volume free again; one that was reserved by its owner stays reserved."""
    changed = copied(volume)
    annotations = changed["metadata"].get("annotations") or {}
    if BOUND_BY_CONTROLLER in annotations:
        del annotations[BOUND_BY_CONTROLLER]
        changed["spec"].pop("claimRef", None)
    else:
        changed["spec"]["claimRef"].pop("uid", None)
    return changed


def claim_status(claim: Object, phase: str, volume: Object | None = None) -> Object | None:
    """Return the claim's status for a phase; None if it is so already."""
    old = claim.get("status") or {}
    new = {**old, "phase": phase}
    if volume is None:
        for name in ("accessModes", "capacity", "currentVolumeAttributesClassName"):
            new.pop(name, None)
    else:
        new["accessModes"] = volume["spec"].get("accessModes")
        if old.get("phase") != phase:
            new["capacity"] = volume["spec"].get("capacity")
        if old.get("phase") == "Pending" and volume["spec"].get("volumeAttributesClassName"):
            name = volume["spec"]["volumeAttributesClassName"]
            new["currentVolumeAttributesClassName"] = name
    return None if conditions.pruned(old) == conditions.pruned(new) else new


def ephemeral_claim(pod: Object, volume: Object) -> str:
    """Return the name of the claim of a Pod's ephemeral volume."""
    return f"{pod['metadata']['name']}-{volume['name']}"


def claim_names(pod: Object) -> list[str]:
    """Return the claims that a Pod uses, those made for it alone included."""
    found = []
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            found.append(volume["persistentVolumeClaim"]["claimName"])
        elif "ephemeral" in volume:
            found.append(ephemeral_claim(pod, volume))
    return found


def by_claim(pod: Object) -> list[str]:
    """Index Pods by the claims that they use."""
    return [f"{pod['metadata']['namespace']}/{name}" for name in claim_names(pod)]
