"""Reads the metrics APIs: of Pods' resources, custom ones, and external ones.

The API server itself serves the first, unless an extension server does; the others are extension
servers' alone. What is not served is told in the words of upstream's clients.
"""

from datetime import timedelta
from typing import Any

import orjson

from pinnace.api.errors import ApiError, NotFound, qualified
from pinnace.api.gotime import duration_of
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object, parse_time
from pinnace.api.quantity import parse
from pinnace.client.base import Client
from pinnace.controllers.shared.autoscale import Measured, MetricError, Metrics

_CUSTOM = "custom.metrics.k8s.io"
_MISSING = "the server could not find the requested resource"


async def _read(client: Client, path: str, query: dict[str, str], what: str, whose: str) -> Any:
    query = {name: value for name, value in query.items() if value}
    try:
        return orjson.loads(await client.raw("GET", path, query=query))
    except NotFound as error:
        # A server that has the group says which metric is missing; any other knows no such path.
        known = (error.details or {}).get("name")
        text = error.message if known else f"{_MISSING} (get {what})"
        raise MetricError(f"unable to fetch metrics from {whose} metrics API: {text}") from error
    except ApiError as error:
        raise MetricError(
            f"unable to fetch metrics from {whose} metrics API: {error.message}"
        ) from error


async def of_pods(
    client: Client, namespace: str, selector: str, resource: str, container: str = ""
) -> Metrics:
    """Return what Pods (or one container of each) use of a resource."""
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
    query = {"labelSelector": selector}
    listed = await _read(client, path, query, "pods.metrics.k8s.io", "resource")
    items = listed.get("items") or []
    if not items:
        raise MetricError("no metrics returned from resource metrics API")
    found: Metrics = {}
    for item in items:
        value = _usage(item, resource, container)
        if value is not None:
            window = timedelta(microseconds=duration_of(item.get("window", "0s")) // 1000)
            found[item["metadata"]["name"]] = Measured(value, parse_time(item["timestamp"]), window)
    return found


def _usage(item: Object, resource: str, container: str) -> int | None:
    entries = item.get("containers") or []
    if container:
        entries = [entry for entry in entries if entry["name"] == container][:1]
    if not entries or any(resource not in (entry.get("usage") or {}) for entry in entries):
        return None
    return sum(parse(entry["usage"][resource]).milli_value() for entry in entries)


async def custom_of_pods(
    client: Client, namespace: str, selector: str, metric: str, metric_selector: str
) -> Metrics:
    """Return a custom metric of each Pod."""
    version = await _custom_version(client)
    path = f"/apis/{_CUSTOM}/{version}/namespaces/{namespace}/pods/*/{metric}"
    query = {"labelSelector": selector, "metricLabelSelector": metric_selector}
    listed = await _read(client, path, query, f"pods.{_CUSTOM} *", "custom")
    items = listed.get("items") or []
    if not items:
        raise MetricError("no metrics returned from custom metrics API")
    return {
        item["describedObject"]["name"]: Measured(
            parse(item["value"]).milli_value(),
            parse_time(item["timestamp"]),
            timedelta(seconds=item.get("windowSeconds") or item.get("window") or 60),
        )
        for item in items
    }


async def custom_of_object(
    client: Client, namespace: str, ref: Object, metric: str, metric_selector: str
) -> int:
    """Return a custom metric of one object, in thousandths."""
    version = await _custom_version(client)
    path = f"/apis/{_CUSTOM}/{version}/namespaces/{namespace}"
    group = ref.get("apiVersion", "").rpartition("/")[0]
    if (ref["kind"], group) == ("Namespace", ""):
        path += f"/metrics/{metric}"
    else:
        path += f"/{_resource(ref['kind'], group)}/{ref['name']}/{metric}"
    query = {"metricLabelSelector": metric_selector}
    listed = await _read(client, path, query, f"{ref['kind']}.{_CUSTOM}", "custom")
    items = listed.get("items") or []
    if not items:
        raise MetricError(
            "unable to fetch metrics from custom metrics API: "
            f"the custom metrics API server returned no metrics for {metric}"
        )
    return parse(items[0]["value"]).milli_value()


def _resource(kind: str, group: str) -> str:
    for row in RESOURCES:
        if (row.kind, row.group) == (kind, group):
            return qualified(row.plural, group)
    text = f'no matches for kind "{kind}" in group "{group}"'
    raise MetricError(f"unable to fetch metrics from custom metrics API: {text}")


async def _custom_version(client: Client) -> str:
    try:
        found = orjson.loads(await client.raw("GET", f"/apis/{_CUSTOM}"))
    except ApiError as error:
        text = f"no custom metrics API ({_CUSTOM}) registered"
        raise MetricError(f"unable to fetch metrics from custom metrics API: {text}") from error
    return str(found["preferredVersion"]["version"])


async def external(client: Client, namespace: str, metric: str, selector: str) -> int:
    """Return the sum of an external metric's values, in thousandths."""
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}"
    what = f"{metric}.external.metrics.k8s.io"
    listed = await _read(client, path, {"labelSelector": selector}, what, "external")
    items = listed.get("items") or []
    if not items:
        raise MetricError("no metrics returned from external metrics API")
    return min(sum(parse(item["value"]).milli_value() for item in items), 2**63 - 1)
