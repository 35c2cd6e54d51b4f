"""Type facts of the resource metrics API, which upstream's published documents do not have.

The short keys are those of the generated table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_HERE = "io.k8s.metrics.pkg.apis.metrics.v1beta1"
_DURATION = f"{_META}.Duration"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TYPE_META = {"kind": {"t": "string", "w": 0}, "apiVersion": {"t": "string", "w": 0}}
_OBJECT_META = {"metadata": {"r": f"{_META}.ObjectMeta", "d": {}, "w": [{}]}}
_LIST_META = {"metadata": {"r": f"{_META}.ListMeta", "d": {}, "w": [{}]}}
_USAGE = {"usage": {"t": "object", "i": {"r": _QUANTITY}, "w": [None]}}
_WHEN = {
    "timestamp": {"r": f"{_META}.Time", "w": [None]},
    "window": {"r": _DURATION, "w": ["0s"]},
}


def _kind(kind: str, fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "p": {**_TYPE_META, **_OBJECT_META, **_WHEN, **fields},
        "q": ["timestamp", "window", *required],
        "g": [["metrics.k8s.io", "v1beta1", kind]],
    }


def _list_of(kind: str) -> dict[str, Any]:
    return {
        "p": {
            **_TYPE_META,
            **_LIST_META,
            "items": {"t": "array", "i": {"r": f"{_HERE}.{kind}"}, "w": [None]},
        },
        "q": ["items"],
        "g": [["metrics.k8s.io", "v1beta1", f"{kind}List"]],
    }


METRICS: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        _DURATION: {"t": "string"},
        f"{_HERE}.ContainerMetrics": {
            "p": {"name": {"t": "string", "d": "", "w": [""]}, **_USAGE},
            "q": ["name", "usage"],
        },
        f"{_HERE}.NodeMetrics": _kind("NodeMetrics", _USAGE, ["usage"]),
        f"{_HERE}.NodeMetricsList": _list_of("NodeMetrics"),
        f"{_HERE}.PodMetrics": _kind(
            "PodMetrics",
            {
                "containers": {
                    "t": "array",
                    "i": {"r": f"{_HERE}.ContainerMetrics"},
                    "l": "atomic",
                    "w": [None],
                }
            },
            ["containers"],
        ),
        f"{_HERE}.PodMetricsList": _list_of("PodMetrics"),
    }
)
