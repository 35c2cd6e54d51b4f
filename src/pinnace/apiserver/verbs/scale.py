"""The scale subresource: replicas of a workload as an autoscaling/v1 Scale."""

from pinnace.api.custom.kind import Scale, at
from pinnace.api.errors import Cause, internal, invalid
from pinnace.api.kinds.core import REPLICATIONCONTROLLERS
from pinnace.api.objects import Object
from pinnace.api.selectors import label_selector_from_labels, label_selector_from_object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies
from pinnace.apiserver.answers import answer_object
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.updates import change, check_names
from pinnace.apiserver.verbs.patch import patcher
from pinnace.apiserver.writes import current, decoded
from pinnace.store.watchcache.item import Item

_KIND, _VERSION = "Scale", "autoscaling/v1"
_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


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


async def get_scale(core: Core, call: Call) -> Answer:
    """Answer with the Scale."""
    item = await current(core, call.row, call.namespace, call.info.name)
    custom = call.row.custom
    if custom is not None and custom.scale is not None:
        path = custom.scale.spec_replicas
        if at(item.shared(), path) is None:
            raise internal(f'the spec replicas field ".{".".join(path)}" does not exist')
    return _answer(core, call, item)


async def update_scale(core: Core, call: Call) -> Answer:
    """Set the replicas from a Scale."""
    scale = bodies.read_any(call.request, api_version=_VERSION, kind=_KIND)
    bodies.expect_kind(scale, _KIND, _VERSION)
    check_names(call, scale)

    async def make(old: Object) -> Object:
        return _scaled(call, old, scale)

    return _answer(core, call, await change(core, call, make, subresource="scale"))


async def patch_scale(core: Core, call: Call) -> Answer:
    """Patch the Scale."""
    patched = patcher(call)

    async def make(old: Object) -> Object:
        scale = patched(_scale(call, old))
        bodies.expect_kind(scale, _KIND, _VERSION)
        bodies.refuse_misfits(scale, _VERSION, _KIND)
        return _scaled(call, old, scale)

    return _answer(core, call, await change(core, call, make, subresource="scale"))


def _scale(call: Call, obj: Object) -> Object:
    custom = call.row.custom
    if custom is None or custom.scale is None:
        return scale_of(obj)
    return custom_scale(obj, custom.scale)


def _set_replicas(call: Call, obj: Object, replicas: int) -> None:
    custom = call.row.custom
    path: tuple[str, ...] = ("spec", "replicas")
    if custom is not None and custom.scale is not None:
        path = custom.scale.spec_replicas
    for key in path[:-1]:
        obj = obj.setdefault(key, {})
    obj[path[-1]] = replicas


def _scaled(call: Call, old: Object, scale: Object) -> Object:
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = Cause("FieldValueInvalid", "spec.replicas", why)
        raise invalid(_KIND, "autoscaling", old["metadata"]["name"], [cause])
    new = bodies.copy(old)
    _set_replicas(call, new, replicas)
    metadata = scale["metadata"]
    new["metadata"]["resourceVersion"] = metadata.get("resourceVersion") or ""
    if metadata.get("uid"):
        new["metadata"]["uid"] = metadata["uid"]
    return new


def _answer(core: Core, call: Call, item: Item) -> Answer:
    return answer_object(call.request, _scale(call, decoded(core, call.row, item)))
