"""All nodes as columns: one NumPy array for each fact, so that a question is asked of all at once.

Every node has a row number for as long as it is there; rows of deleted nodes are used again. Facts
that are sparse (taints, label values, host ports) have a column each, made when first seen. What a
pod adds to its node is added here the moment it is decided (assumed), and taken away when the pod
ends, is deleted, or its binding fails.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pinnace.api.amounts import CPU, EPHEMERAL, MEMORY, PODS, amount
from pinnace.api.objects import Object
from pinnace.scheduler.podinfo import HostPort, PodInfo

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

_FIXED = (CPU, MEMORY, EPHEMERAL, PODS)


@dataclass(slots=True)
class LabelColumn:
    """The values of one label: a code per node, -1 where the label is absent."""

    codes: Codes
    values: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod and the row of its node."""

    info: PodInfo
    row: int


class Columns:
    """The cluster's nodes and what their pods use."""

    def __init__(self) -> None:
        self.size = 0
        self.index: dict[str, int] = {}
        self.names: list[str] = []
        self.nodes: list[Object | None] = []
        self._free: list[int] = []
        self._capacity = 64
        self.resources: dict[str, int] = {name: at for at, name in enumerate(_FIXED)}
        self.allocatable: Numbers = np.zeros((self._capacity, len(_FIXED)), np.int64)
        self.requested: Numbers = np.zeros((self._capacity, len(_FIXED)), np.int64)
        self.nonzero: Numbers = np.zeros((self._capacity, 2), np.int64)
        self.valid: Mask = np.zeros(self._capacity, np.bool_)
        self.unschedulable: Mask = np.zeros(self._capacity, np.bool_)
        self.labels: dict[str, LabelColumn] = {}
        self.taints: dict[tuple[str, str, str], Mask] = {}
        self.images: dict[str, dict[int, int]] = {}
        # (protocol, port) -> row -> the addresses taken there.
        self.ports: dict[tuple[str, int], dict[int, list[str]]] = {}
        self.placed: dict[str, Placed] = {}
        # The same by row, and what the pods of each priority request together: for preemption.
        self.pods_on: dict[int, dict[str, Placed]] = {}
        self.by_priority: dict[int, Numbers] = {}
        # Raised when labels, taints or the set of nodes change: what was derived from them is old.
        self.generation = 0

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return len(self.index)

    def set_node(self, node: Object) -> None:
        """Add a node, or take over what changed of it."""
        name = node["metadata"]["name"]
        row = self.index.get(name)
        if row is None:
            row = self._new_row(name)
        old = self.nodes[row]
        self.nodes[row] = node
        self._set_allocatable(row, (node.get("status") or {}).get("allocatable") or {})
        self._set_images(row, node)
        if old is None or _shape(old) != _shape(node):
            self.generation += 1
            self.unschedulable[row] = bool(node["spec"].get("unschedulable"))
            self._set_labels(row, node["metadata"].get("labels") or {})
            self._set_taints(row, node["spec"].get("taints") or ())

    def remove_node(self, name: str) -> None:
        """Forget a node; its pods stay known by their uid and free nothing when they go."""
        row = self.index.pop(name, None)
        if row is None:
            return
        self.generation += 1
        for uid in list(self.pods_on.get(row, ())):
            self.remove_pod(uid)
        self.valid[row] = self.unschedulable[row] = False
        for array in (self.allocatable, self.requested, self.nonzero):
            array[row] = 0
        self._set_labels(row, {})
        self._set_taints(row, ())
        for rows in self.images.values():
            rows.pop(row, None)
        self.nodes[row] = None
        self.names[row] = ""
        self._free.append(row)

    def _new_row(self, name: str) -> int:
        if self._free:
            row = self._free.pop()
            self.names[row] = name
        else:
            row = self.size
            if row == self._capacity:
                self._grow()
            self.size += 1
            self.names.append(name)
            self.nodes.append(None)
        self.index[name] = row
        self.valid[row] = True
        return row

    def _grow(self) -> None:
        extra = self._capacity
        self._capacity += extra
        self.allocatable = np.pad(self.allocatable, ((0, extra), (0, 0)))
        self.requested = np.pad(self.requested, ((0, extra), (0, 0)))
        self.nonzero = np.pad(self.nonzero, ((0, extra), (0, 0)))
        for priority, used in self.by_priority.items():
            self.by_priority[priority] = np.pad(used, ((0, extra), (0, 0)))
        self.valid = np.pad(self.valid, (0, extra))
        self.unschedulable = np.pad(self.unschedulable, (0, extra))
        for column in self.labels.values():
            column.codes = np.pad(column.codes, (0, extra), constant_values=-1)
        for taint, mask in self.taints.items():
            self.taints[taint] = np.pad(mask, (0, extra))

    def rows_like(self) -> Mask:
        """Return a fresh mask with every row False."""
        return np.zeros(self._capacity, np.bool_)

    def _resource(self, name: str) -> int:
        at = self.resources.get(name)
        if at is None:
            at = self.resources[name] = len(self.resources)
            self.allocatable = np.pad(self.allocatable, ((0, 0), (0, 1)))
            self.requested = np.pad(self.requested, ((0, 0), (0, 1)))
            for priority, used in self.by_priority.items():
                self.by_priority[priority] = np.pad(used, ((0, 0), (0, 1)))
        return at

    def _set_allocatable(self, row: int, allocatable: Mapping[str, Any]) -> None:
        values = {self._resource(name): amount(name, text) for name, text in allocatable.items()}
        self.allocatable[row] = 0
        for at, value in values.items():
            self.allocatable[row, at] = value

    def _set_labels(self, row: int, labels: Mapping[str, str]) -> None:
        for key in labels:
            if key not in self.labels:
                self.labels[key] = LabelColumn(np.full(self._capacity, -1, np.int32))
        for key, column in self.labels.items():
            value = labels.get(key)
            code = -1 if value is None else column.values.setdefault(value, len(column.values))
            column.codes[row] = code

    def _set_taints(self, row: int, taints: Iterable[Mapping[str, Any]]) -> None:
        present = {
            (taint["key"], taint.get("value") or "", taint.get("effect") or "") for taint in taints
        }
        for taint in present:
            if taint not in self.taints:
                self.taints[taint] = self.rows_like()
        for taint, mask in self.taints.items():
            mask[row] = taint in present

    def _set_images(self, row: int, node: Object) -> None:
        for image in (node.get("status") or {}).get("images") or ():
            for name in image.get("names") or ():
                self.images.setdefault(name, {})[row] = image.get("sizeBytes") or 0

    def add_pod(self, info: PodInfo, node: str) -> Placed | None:
        """Count a pod on its node; None if the node is not known (yet)."""
        row = self.index.get(node)
        if row is None:
            return None
        known = self.placed.get(info.uid)
        if known is not None:
            self.remove_pod(info.uid)
        placed = self.placed[info.uid] = Placed(info, row)
        self.pods_on.setdefault(row, {})[info.uid] = placed
        self._count(placed, 1)
        return placed

    def remove_pod(self, uid: str) -> Placed | None:
        """Take a pod away from its node; return what it was."""
        placed = self.placed.pop(uid, None)
        if placed is not None:
            del self.pods_on[placed.row][uid]
            self._count(placed, -1)
        return placed

    def _count(self, placed: Placed, sign: int) -> None:
        info, row = placed.info, placed.row
        columns = [self._resource(name) for name in info.requests]
        used = self.by_priority.get(info.priority)
        if used is None:
            used = self.by_priority[info.priority] = np.zeros_like(self.requested)
        for at, value in zip(columns, info.requests.values(), strict=True):
            self.requested[row, at] += sign * value
            used[row, at] += sign * value
        self.requested[row, self.resources[PODS]] += sign
        used[row, self.resources[PODS]] += sign
        self.nonzero[row, 0] += sign * info.nonzero[0]
        self.nonzero[row, 1] += sign * info.nonzero[1]
        for port in info.ports:
            self._count_port(port, row, sign)

    def _count_port(self, port: HostPort, row: int, sign: int) -> None:
        taken = self.ports.setdefault((port.protocol, port.port), {}).setdefault(row, [])
        if sign > 0:
            taken.append(port.ip)
        elif port.ip in taken:
            taken.remove(port.ip)

    def requested_below(self, priority: int) -> Numbers:
        """Return what the pods of lower priorities request, per row and resource."""
        total = np.zeros_like(self.requested)
        for each, used in self.by_priority.items():
            if each < priority:
                total += used
        return total

    def rows_with(self, key: str, values: Iterable[str]) -> Mask:
        """Return the rows whose label has one of the values."""
        column = self.labels.get(key)
        if column is None:
            return self.rows_like()
        codes = [column.values[value] for value in values if value in column.values]
        rows: Mask = np.isin(column.codes, codes)
        return rows

    def domains(self, key: str) -> Codes:
        """Return each row's topology domain as a code, -1 where the label is absent."""
        column = self.labels.get(key)
        return np.full(self._capacity, -1, np.int32) if column is None else column.codes


def _shape(node: Object) -> tuple[object, ...]:
    """Return what filters by label and taint derive their answers from."""
    spec = node["spec"]
    return (node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable"))
