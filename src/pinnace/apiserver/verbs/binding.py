"""Binding a Pod to a node, as schedulers do: once, and with the condition that says so."""

from pinnace.api.errors import BadRequest, Cause, conflict, invalid
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object, format_time
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies
from pinnace.apiserver.answers import answer_object
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.verbs.delete import success
from pinnace.apiserver.writes import attributes, check_namespace, current, rewrite


async def bind(core: Core, call: Call) -> Answer:
    """Set the node of the Pod that a Binding names."""
    binding = bodies.read_any(call.request, api_version="v1", kind="Binding")
    bodies.expect_kind(binding, "Binding", "v1")
    if call.trail is not None:
        call.trail.sent({"kind": "Binding", "apiVersion": "v1", **binding})
    metadata = binding["metadata"]
    name = call.info.name or metadata.get("name") or ""
    if call.info.name and metadata.get("name") != call.info.name:
        raise BadRequest("name in URL does not match name in Binding object")
    target = binding.get("target") or {}
    _check(name, target)
    check_namespace(call, binding["metadata"])
    attempt = attributes(core, call, "CREATE", binding, None)
    await core.admission.mutate(attempt)
    await core.admission.validate(attempt)
    now = format_time(core.clock.now())

    def bound(pod: Object) -> Object:
        return _bound(pod, binding, now)

    if call.dry_run:
        item = await current(core, PODS, call.info.namespace, name)
        bound(item.decode())
    else:
        await rewrite(core, PODS, call.info.namespace, name, bound)
    return answer_object(call.request, success(code=201), code=201)


def _check(name: str, target: Object) -> None:
    causes = []
    kind = target.get("kind") or ""
    if kind not in ("", "Node"):
        why = f'Unsupported value: "{kind}": supported values: "Node", ""'
        causes.append(Cause("FieldValueNotSupported", "target.kind", why))
    if not target.get("name"):
        causes.append(Cause("FieldValueRequired", "target.name", "Required value"))
    if causes:
        raise invalid("Binding", "", name, causes)


def _bound(pod: Object, binding: Object, now: str) -> Object:
    """Return the Pod on its node; raises Conflict if it cannot be bound (again)."""
    metadata, spec = pod["metadata"], pod["spec"]
    name = metadata["name"]
    given = binding["metadata"]
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if given.get(field) and given[field] != metadata[field]:
            why = (
                f"Precondition failed: {label} in precondition: {given[field]}, "
                f"{label} in object meta: {metadata[field]}"
            )
            raise conflict("pods/binding", "", name, why)
    why = ""
    if metadata.get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif spec.get("nodeName"):
        why = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
    elif spec.get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise conflict("pods/binding", "", name, why)
    spec["nodeName"] = binding["target"]["name"]
    status = pod.setdefault("status", {})
    status.pop("nominatedNodeName", None)
    for part in ("annotations", "labels"):
        if given.get(part):
            metadata[part] = {**(metadata.get(part) or {}), **given[part]}
    status["conditions"] = _scheduled(status.get("conditions") or [], now)
    return pod


def _scheduled(conditions: list[Object], now: str) -> list[Object]:
    others = [c for c in conditions if c.get("type") != "PodScheduled"]
    made: Object = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
    return [*others, made]
