"""The scale subresource: replicas of a workload as an autoscaling/v1 Scale."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pinnace.api.custom.kind import Scale, at
from pinnace.api.errors import BadRequest, Cause, conflict, internal, invalid
from pinnace.api.kinds.core import REPLICATIONCONTROLLERS
from pinnace.api.objects import Object
from pinnace.api.patch import apply, managers, scaling
from pinnace.api.patch.fields import Path
from pinnace.api.patch.scaling import SCALE
from pinnace.api.selectors import label_selector_from_labels, label_selector_from_object
from pinnace.api.typed import normalized
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, patching
from pinnace.apiserver.answers import answer_object
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.managers import manager_of
from pinnace.apiserver.patching import APPLY
from pinnace.apiserver.updates import change, check_names
from pinnace.apiserver.verbs.apply import apply_to, check_strict, read_applied
from pinnace.apiserver.writes import current, decoded
from pinnace.store.watchcache.item import Item

_KIND, _VERSION = "Scale", "autoscaling/v1"
# What a patch sees where a custom resource says no replicas: one that leaves it alone is refused.
_UNSAID = -(2**31)
_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def custom_scale(obj: Object, paths: Scale) -> Object:
    """Return the Scale of a custom resource, read along its definition's paths."""
    selector = at(obj, paths.label_selector) if paths.label_selector else None
    status: Object = {"replicas": at(obj, paths.status_replicas) or 0}
    if selector:
        status["selector"] = selector
    replicas = at(obj, paths.spec_replicas)
    metadata = obj["metadata"]
    return {
        "kind": _KIND,
        "apiVersion": _VERSION,
        "metadata": {name: metadata[name] for name in _SHOWN if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _scale(call: Call, obj: Object) -> Object:
    custom = call.row.custom
    if custom is None or custom.scale is None:
        return scale_of(obj)
    return custom_scale(obj, custom.scale)


def _path(call: Call) -> tuple[str, ...]:
    """Return the keys of the replicas."""
    custom = call.row.custom
    if custom is None or custom.scale is None:
        return ("spec", "replicas")
    return custom.scale.spec_replicas


def _owned(call: Call) -> Path:
    return tuple(f"f:{key}" for key in _path(call))


def _set_replicas(call: Call, obj: Object, replicas: int) -> None:
    *above, last = _path(call)
    for key in above:
        obj = obj.setdefault(key, {})
    obj[last] = replicas


def scale_of(obj: Object) -> Object:
    """Return the Scale of a workload."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    selector = spec.get("selector")
    if obj["kind"] == REPLICATIONCONTROLLERS.kind:
        text = str(label_selector_from_labels(selector))
    else:
        text = str(label_selector_from_object(selector))
    status: Object = {"replicas": (obj.get("status") or {}).get("replicas") or 0}
    if text:
        status["selector"] = text
    replicas = spec.get("replicas")
    return {
        "kind": _KIND,
        "apiVersion": _VERSION,
        "metadata": {name: metadata[name] for name in _SHOWN if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


async def get_scale(core: Core, call: Call) -> Answer:
    """Answer with the Scale."""
    item = await current(core, call.row, call.namespace, call.info.name)
    custom = call.row.custom
    if custom is not None and at(item.shared(), _path(call)) is None:
        raise internal(f'the spec replicas field ".{".".join(_path(call))}" does not exist')
    return _answer(core, call, item)


async def update_scale(core: Core, call: Call) -> Answer:
    """Set the replicas from a Scale."""
    scale = bodies.read_any(call.request, api_version=_VERSION, kind=_KIND)
    bodies.expect_kind(scale, _KIND, _VERSION)
    if call.trail is not None:
        call.trail.sent(normalized(scale, SCALE))
    check_names(call, scale)

    def made(before: Object) -> Object:
        return _tracked(core, call, before, normalized(scale, SCALE))

    return await _changed(core, call, made)


async def patch_scale(core: Core, call: Call) -> Answer:
    """Patch the Scale, or apply one."""
    make = (
        _applies(core, call) if bodies.media_type(call.request) in APPLY else _patches(core, call)
    )

    def changed(before: Object) -> Object:
        scale = make(before)
        check_names(call, scale)
        return scale

    return await _changed(core, call, changed)


async def _changed(core: Core, call: Call, make: Callable[[Object], Object]) -> Answer:
    part = _ScalePart(call)

    async def changed(old: Object) -> Object:
        part.was = _managed_scale(call, old)
        part.wanted = make(_before(call, old))
        return _scaled(call, old, part.wanted)

    item = await change(core, call, changed, subresource="scale", track=False, part=part)
    return _answer(core, call, item)


def _before(call: Call, old: Object) -> Object:
    scale = _managed_scale(call, old)
    if call.row.custom is None or at(old, _path(call)) is not None:
        return scale
    # To an apply this would be a field that somebody owns.
    applies = bodies.media_type(call.request) in APPLY
    return scale if applies else scale | {"spec": {"replicas": _UNSAID}}


@dataclass(slots=True)
class _ScalePart:
    """The Scale of a workload, for admission to see and to change."""

    call: Call
    was: Object = field(default_factory=dict)
    wanted: Object = field(default_factory=dict)

    def asked(self, obj: Object) -> Object:
        return self.wanted

    def before(self, obj: Object) -> Object:
        return self.was

    def of(self, obj: Object) -> Object:
        return normalized(_scale(self.call, obj), SCALE)

    def into(self, obj: Object, shown: Object) -> None:
        _set_replicas(self.call, obj, (shown.get("spec") or {}).get("replicas") or 0)


def _patches(core: Core, call: Call) -> Callable[[Object], Object]:
    reading = patching.read(call, SCALE)

    def make(before: Object) -> Object:
        return _tracked(core, call, before, reading.made(before))

    return make


def _applies(core: Core, call: Call) -> Callable[[Object], Object]:
    applied, repeated = read_applied(call)

    def make(before: Object) -> Object:
        scale = apply_to(core, call, before, applied, SCALE)
        check_strict(call, repeated)
        return scale

    return make


def _managed_scale(call: Call, old: Object) -> Object:
    """Return the Scale of a workload with the managers of its replicas."""
    return managers.write(
        normalized(_scale(call, old), SCALE),
        scaling.to_scale(_managed(old), old["apiVersion"], _owned(call)),
    )


def _managed(obj: Object) -> managers.Managed:
    try:
        return managers.read(obj)
    except ValueError:
        return {}


def _tracked(core: Core, call: Call, before: Object, scale: Object) -> Object:
    return apply.track(
        before,
        scale,
        SCALE,
        manager=manager_of(call),
        time=core.clock.now(),
        subresource="scale",
    )


def _scaled(call: Call, old: Object, scale: Object) -> Object:
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas == _UNSAID:
        raise BadRequest(f'the spec replicas field ".{".".join(_path(call))}" cannot be empty')
    custom = call.row.custom is not None
    # Those of a custom resource are judged with the whole of it.
    if replicas < 0 and not custom:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = Cause("FieldValueInvalid", "spec.replicas", why)
        raise invalid(_KIND, "autoscaling", old["metadata"]["name"], [cause])
    new = bodies.copy(old)
    _set_replicas(call, new, replicas)
    _keep_preconditions(call, old, new, scale["metadata"])
    managed = scaling.to_parent(_managed(old), _managed(scale), old["apiVersion"], _owned(call))
    return managers.write(new, managed)


def _keep_preconditions(call: Call, old: Object, new: Object, asked: Object) -> None:
    """Put a Scale's resourceVersion and uid, if any, into the object that is to be written."""
    custom = call.row.custom is not None
    # Custom resources may not be updated without a resourceVersion, but scaled they may be.
    version = asked.get("resourceVersion") or ""
    if version or not custom:
        new["metadata"]["resourceVersion"] = version
    uid, held = asked.get("uid"), old["metadata"]["uid"]
    if not uid or uid == held:
        return
    if call.info.verb == "update":
        new["metadata"]["uid"] = uid
    elif not custom:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {held}"
        name = old["metadata"]["name"]
        raise conflict(f"{call.row.plural}/scale", call.row.group, name, why)


def _answer(core: Core, call: Call, item: Item) -> Answer:
    return answer_object(call.request, _scale(call, decoded(core, call.row, item)))
