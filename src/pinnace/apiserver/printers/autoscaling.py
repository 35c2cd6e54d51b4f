"""HorizontalPodAutoscalers, v2 and v1 (whose one metric is CPU utilisation)."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    Printer,
    age,
    dig,
    name_of,
    quantity_text,
)

_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def _metric(spec: Object, status: Object) -> str:
    key = _SOURCES.get(spec.get("type", ""))
    if key is None:
        return "<unknown type>"
    wanted, current = dig(spec, key, "target", default={}), dig(status, key, "current")
    if key in ("resource", "containerResource"):
        return f"{dig(spec, key, 'name', default='')}: {_resource(wanted, current)}"
    if key == "pods":
        have = UNKNOWN if current is None else quantity_text(current.get("averageValue"))
        return f"{have}/{quantity_text(wanted.get('averageValue'))}"
    if wanted.get("averageValue") is not None:
        have = dig(current, "averageValue")
        text = UNKNOWN if have is None else quantity_text(have)
        return f"{text}/{quantity_text(wanted['averageValue'])} (avg)"
    have = UNKNOWN if current is None else quantity_text(current.get("value"))
    return f"{have}/{quantity_text(wanted.get('value'))}"


def _resource(wanted: Object, current: Object | None) -> str:
    if wanted.get("averageValue") is not None:
        have = UNKNOWN if current is None else quantity_text(current.get("averageValue"))
        return f"{have}/{quantity_text(wanted['averageValue'])}"
    utilisation = dig(current, "averageUtilization")
    have = UNKNOWN if utilisation is None else f"{utilisation}%"
    target = wanted.get("averageUtilization")
    return f"{have}/{'<auto>' if target is None else f'{target}%'}"


def _metrics(obj: Object) -> str:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if spec.get("targetCPUUtilizationPercentage") is not None:
        have = status.get("currentCPUUtilizationPercentage")
        text = UNKNOWN if have is None else f"{have}%"
        return f"cpu: {text}/{spec['targetCPUUtilizationPercentage']}%"
    metrics, statuses = spec.get("metrics") or [], status.get("currentMetrics") or []
    texts = [
        _metric(metric, statuses[index] if index < len(statuses) else {})
        for index, metric in enumerate(metrics)
    ]
    joined = ", ".join(texts[:2]) or NONE
    return f"{joined} + {len(texts) - 2} more..." if len(texts) > 2 else joined


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    reference = dig(obj, "spec", "scaleTargetRef", default={})
    return [
        name_of(obj),
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        _metrics(obj),
        str(dig(obj, "spec", "minReplicas", default=UNSET)),
        dig(obj, "spec", "maxReplicas", default=0),
        dig(obj, "status", "currentReplicas", default=0),
        age(obj, now),
    ]


HORIZONTAL_POD_AUTOSCALER = Printer(
    (
        NAME,
        Column("Reference"),
        Column("Targets"),
        Column("MinPods"),
        Column("MaxPods"),
        Column("Replicas"),
        AGE,
    ),
    _autoscaler,
)
