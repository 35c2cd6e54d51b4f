"""What printers look at inside long lists' objects, so that the rest need not be decoded.

A view must name every field that the kind's printer reads; the tests compare tables made through
views with tables made from whole objects.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypedDict

import msgspec


class _Meta(TypedDict, total=False):
    name: str
    creationTimestamp: str | None
    deletionTimestamp: str | None


class _NodeMeta(_Meta, total=False):
    labels: dict[str, str] | None


class _Condition(TypedDict, total=False):
    type: str
    status: str
    reason: str | None


class _Container(TypedDict, total=False):
    name: str
    restartPolicy: str | None


class _Gate(TypedDict, total=False):
    conditionType: str


class _PodSpec(TypedDict, total=False):
    containers: list[_Container] | None
    initContainers: list[_Container] | None
    nodeName: str | None
    readinessGates: list[_Gate] | None


class _Waiting(TypedDict, total=False):
    reason: str | None


class _Running(TypedDict, total=False):
    startedAt: str | None


class _Terminated(TypedDict, total=False):
    exitCode: int
    reason: str | None
    signal: int | None
    finishedAt: str | None


class _State(TypedDict, total=False):
    waiting: _Waiting | None
    running: _Running | None
    terminated: _Terminated | None


class _ContainerStatus(TypedDict, total=False):
    name: str
    ready: bool
    started: bool | None
    restartCount: int
    state: _State | None
    lastState: _State | None


class _Ip(TypedDict, total=False):
    ip: str


class _PodStatus(TypedDict, total=False):
    phase: str | None
    reason: str | None
    nominatedNodeName: str | None
    podIPs: list[_Ip] | None
    conditions: list[_Condition] | None
    initContainerStatuses: list[_ContainerStatus] | None
    containerStatuses: list[_ContainerStatus] | None


class _Pod(TypedDict, total=False):
    metadata: _Meta
    spec: _PodSpec | None
    status: _PodStatus | None


class _Address(TypedDict, total=False):
    type: str
    address: str


class _NodeInfo(TypedDict, total=False):
    architecture: str
    containerRuntimeVersion: str
    kernelVersion: str
    kubeletVersion: str
    osImage: str


class _NodeSpec(TypedDict, total=False):
    unschedulable: bool | None


class _NodeStatus(TypedDict, total=False):
    addresses: list[_Address] | None
    conditions: list[_Condition] | None
    nodeInfo: _NodeInfo | None


class _Node(TypedDict, total=False):
    metadata: _NodeMeta
    spec: _NodeSpec | None
    status: _NodeStatus | None


_DECODERS: tuple[tuple[str, str, Callable[[bytes], Any]], ...] = (
    ("", "pods", msgspec.json.Decoder(_Pod).decode),
    ("", "nodes", msgspec.json.Decoder(_Node).decode),
)
VIEWS: Mapping[tuple[str, str], Callable[[bytes], Any]] = MappingProxyType(
    {(group, plural): decode for group, plural, decode in _DECODERS}
)
