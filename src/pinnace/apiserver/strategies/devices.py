"""What is done to objects of resource.k8s.io: taints begin, and what is gone is forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Strategy

LISTS = ("bools", "ints", "strings", "versions")
MAPPINGS = "nodeAllocatableResourceMappings"


@dataclass(frozen=True, kw_only=True)
class Slices(Strategy):
    """Lists as attributes and mappings to a node's resources are dropped where they are new."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop them, and note when taints were added."""
        super().prepare_create(obj, ctx)
        _refine(obj, {}, ctx)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop them unless they are stored already; an equal taint began when it did."""
        _refine(obj, old, ctx)
        super().prepare_update(obj, old, ctx)


@dataclass(frozen=True, kw_only=True)
class TaintRules(Strategy):
    """A taint begins when it is added or becomes another."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Note when the taint was added."""
        super().prepare_create(obj, ctx)
        _stamp([(obj.get("spec") or {}).get("taint") or {}], [], ctx.now)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Note when the taint became what it is."""
        taint = (obj.get("spec") or {}).get("taint") or {}
        _stamp([taint], [(old.get("spec") or {}).get("taint") or {}], ctx.now)
        super().prepare_update(obj, old, ctx)


@dataclass(frozen=True, kw_only=True)
class Claims(Strategy):
    """What drivers say of a device goes with its allocation."""

    def prepare_status_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Forget the state of devices that are allocated no more."""
        super().prepare_status_update(obj, old, ctx)
        status = obj.get("status") or {}
        gone = _allocated(old) - _allocated(obj)
        kept = [device for device in status.get("devices") or () if _identity(device) not in gone]
        if kept:
            status["devices"] = kept
        else:
            status.pop("devices", None)


def _identity(device: Object) -> tuple[str, ...]:
    return tuple(str(device.get(key) or "") for key in ("driver", "pool", "device", "shareID"))


def _allocated(claim: Object) -> set[tuple[str, ...]]:
    allocation = (claim.get("status") or {}).get("allocation") or {}
    results = (allocation.get("devices") or {}).get("results") or ()
    return {_identity(result) for result in results}


def _devices(obj: Object) -> Iterator[Object]:
    for device in (obj.get("spec") or {}).get("devices") or ():
        # v1beta1 wraps what a device is.
        yield device["basic"] if isinstance(device.get("basic"), dict) else device


def _attributes(device: Object) -> Iterator[Object]:
    yield from (part for part in (device.get("attributes") or {}).values() if part)


def _refine(obj: Object, old: Object, ctx: Context) -> None:
    before = list(_devices(old))
    lists = any(part.get(key) is not None for one in before for part in _attributes(one)
                for key in LISTS)  # fmt: skip
    mapped = any(device.get(MAPPINGS) for device in before)
    known = {one.get("name"): one for one in (old.get("spec") or {}).get("devices") or ()}
    for device, holder in zip(
        _devices(obj), (obj.get("spec") or {}).get("devices") or (), strict=True
    ):
        if not mapped:
            device.pop(MAPPINGS, None)
        for part in _attributes(device) if not lists else ():
            for key in LISTS:
                part.pop(key, None)
        was = known.get(holder.get("name")) or {}
        was = was["basic"] if isinstance(was.get("basic"), dict) else was
        _stamp(device.get("taints") or [], was.get("taints") or [], ctx.now)


def _stamp(taints: list[Object], before: list[Object], now: str) -> None:
    for taint in taints:
        if taint.get("timeAdded") is None and taint:
            taint["timeAdded"] = now
