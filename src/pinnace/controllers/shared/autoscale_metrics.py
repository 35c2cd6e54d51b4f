"""What one metric of an autoscaler asks for: from its specification to a number of replicas."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pinnace.api.gotext import selector_text
from pinnace.api.objects import Object
from pinnace.api.quantity import BINARY_SI, DECIMAL_SI, from_milli, parse
from pinnace.api.selectors import label_selector_from_object
from pinnace.client.base import Client
from pinnace.controllers.shared import autoscale, metrics
from pinnace.controllers.shared.autoscale import MetricError, Proposal, Tolerances

REASONS = {
    "Resource": "FailedGetResourceMetric",
    "ContainerResource": "FailedGetContainerResourceMetric",
    "Pods": "FailedGetPodsMetric",
    "Object": "FailedGetObjectMetric",
    "External": "FailedGetExternalMetric",
}
_FIELDS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The Pods of what is scaled, its sizes, and what is needed to judge them."""

    client: Client
    namespace: str
    selector: str
    pods: list[Object]
    # The size that is asked for, and the one that there is.
    wanted: int
    actual: int
    tolerances: Tolerances
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a metric asks for, what it is called, and its status."""

    replicas: int
    name: str
    status: Object


def failure_text(metric: Object, error: MetricError) -> str:
    """Return what upstream says when a metric gives no answer."""
    kind = metric["type"]
    source = metric.get(_FIELDS.get(kind, "")) or {}
    name = (source.get("metric") or {}).get("name", "")
    what = {
        "Resource": f"{source.get('name')} resource metric value",
        "ContainerResource": f"{source.get('container')} container metric value",
        "Pods": "pods metric value",
        "Object": "object metric value",
        "External": f"{name} external metric value",
    }
    return f"failed to get {what[kind]}: {error}" if kind in what else str(error)


async def ask(metric: Object, target: Target) -> Answer:
    """Return what a metric asks for; raises MetricError if it gives no answer."""
    kind = metric["type"]
    if kind == "Resource":
        return await _resource(kind, metric["resource"], target)
    if kind == "ContainerResource":
        return await _resource(kind, metric["containerResource"], target)
    if kind == "Pods":
        return await _pods(metric["pods"], target)
    if kind == "Object":
        return await _object(metric["object"], target)
    if kind == "External":
        return await _external(metric["external"], target)
    raise MetricError(f'unknown metric source type "{kind}"')


async def _resource(kind: str, source: Object, target: Target) -> Answer:
    resource, wanted = source["name"], source["target"]
    container = source.get("container", "")
    average, percent = wanted.get("averageValue"), wanted.get("averageUtilization")
    if average is None and percent is None:
        raise MetricError(
            "invalid resource metric source: neither an average utilization target nor an average "
            "value (usage) target was set"
        )
    try:
        found = await _measure(resource, container, target)
        proposal = _judge(found, resource, container, average, percent, target)
    except MetricError as error:
        what = "usage" if average is not None else "utilization"
        raise MetricError(f"failed to get {resource} {what}: {error}") from error
    format = BINARY_SI if resource == "memory" else DECIMAL_SI
    current: Object = {"averageValue": from_milli(proposal.usage, format).canonical()}
    name = f"{resource} resource"
    if proposal.utilization is not None:
        current["averageUtilization"] = proposal.utilization
        of_container = "container " if kind == "ContainerResource" else ""
        name = f"{resource} {of_container}resource utilization (percentage of request)"
    told = {"name": resource, "current": current}
    if container:
        told["container"] = container
    return Answer(proposal.replicas, name, {"type": kind, _FIELDS[kind]: told})


async def _measure(resource: str, container: str, target: Target) -> autoscale.Metrics:
    try:
        return await metrics.of_pods(
            target.client, target.namespace, target.selector, resource, container
        )
    except MetricError as error:
        raise MetricError(f"unable to get metrics for resource {resource}: {error}") from error


def _judge(
    found: autoscale.Metrics,
    resource: str,
    container: str,
    average: Any,
    percent: int | None,
    target: Target,
) -> Proposal:
    if average is not None:
        return _by_average(found, average, resource, target)
    assert percent is not None
    return autoscale.by_utilization(
        found,
        target.pods,
        target.wanted,
        percent,
        resource=resource,
        container=container,
        tolerances=target.tolerances,
        now=target.now,
    )


def _by_average(found: autoscale.Metrics, average: Any, resource: str, target: Target) -> Proposal:
    return autoscale.by_average(
        found,
        target.pods,
        target.wanted,
        parse(average).milli_value(),
        resource=resource,
        tolerances=target.tolerances,
        now=target.now,
    )


def _identity(source: Object) -> tuple[str, str, Object]:
    """Return a custom metric's name, its selector as text, and how its status names it."""
    told = source["metric"]
    selector = told.get("selector")
    text = str(label_selector_from_object(selector)) if selector is not None else ""
    named = {"name": told["name"], **({"selector": selector} if selector is not None else {})}
    return told["name"], text, named


async def _pods(source: Object, target: Target) -> Answer:
    name, selector, named = _identity(source)
    try:
        found = await metrics.custom_of_pods(
            target.client, target.namespace, target.selector, name, selector
        )
    except MetricError as error:
        raise MetricError(f"unable to get metric {name}: {error}") from error
    proposal = _by_average(found, source["target"]["averageValue"], "", target)
    status = {"metric": named, "current": {"averageValue": _milli(proposal.usage)}}
    return Answer(proposal.replicas, f"pods metric {name}", {"type": "Pods", "pods": status})


async def _object(source: Object, target: Target) -> Answer:
    name, selector, named = _identity(source)
    ref, wanted = source["describedObject"], source["target"]
    value, average = _targets(wanted, "object")
    try:
        usage = await metrics.custom_of_object(target.client, target.namespace, ref, name, selector)
    except MetricError as error:
        where = f"{ref['kind']} {target.namespace}/{ref['name']}"
        text = f"unable to get metric {name}: {error} on {where}"
        if value is None:
            text = f"failed to get {name} object metric: {text}"
        raise MetricError(text) from error
    proposal = _by_one(usage, value, average, target)
    told = f"{ref['kind']} metric {name}" if value is not None else _external_name(source)
    status = {"metric": named, "describedObject": ref, "current": _current(value, proposal)}
    return Answer(proposal.replicas, told, {"type": "Object", "object": status})


async def _external(source: Object, target: Target) -> Answer:
    name, selector, named = _identity(source)
    wanted = source["target"]
    average, value = wanted.get("averageValue"), wanted.get("value")
    if average is None and value is None:
        raise MetricError(_neither("external"))
    value = None if average is not None else value
    try:
        usage = await metrics.external(target.client, target.namespace, name, selector)
    except MetricError as error:
        where = f"{target.namespace}/{name}/{selector_text(source['metric'].get('selector'))}"
        what = f"{name} external metric" if value is None else f"external metric {name}"
        raise MetricError(
            f"failed to get {what}: unable to get external metric {where}: {error}"
        ) from error
    proposal = _by_one(usage, value, average, target)
    status = {"metric": named, "current": _current(value, proposal)}
    return Answer(
        proposal.replicas, _external_name(source), {"type": "External", "external": status}
    )


def _targets(wanted: Object, kind: str) -> tuple[Any, Any]:
    """Return the value or the average that a target of this type sets."""
    if wanted.get("type") == "Value" and wanted.get("value") is not None:
        return wanted["value"], None
    if wanted.get("type") == "AverageValue" and wanted.get("averageValue") is not None:
        return None, wanted["averageValue"]
    raise MetricError(_neither(kind))


def _neither(kind: str) -> str:
    return (
        f"invalid {kind} metric source: neither a value target nor an average value target was set"
    )


def _by_one(usage: int, value: Any, average: Any, target: Target) -> Proposal:
    if value is not None:
        wanted = parse(value).milli_value()
        return autoscale.by_value(usage, wanted, target.pods, target.wanted, target.tolerances)
    wanted = parse(average).milli_value()
    return autoscale.by_share(usage, wanted, target.actual, target.tolerances)


def _current(value: Any, proposal: Proposal) -> Object:
    return {"averageValue" if value is None else "value": _milli(proposal.usage)}


def _milli(value: int) -> str:
    return from_milli(value).canonical()


def _external_name(source: Object) -> str:
    told = source["metric"]
    return f"external metric {told['name']}({selector_text(told.get('selector'))})"
