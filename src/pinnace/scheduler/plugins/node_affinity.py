"""Sends pods to the nodes that their nodeSelector and nodeAffinity choose."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pinnace.scheduler.columns import Columns, Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, State
from pinnace.scheduler.podinfo import PodInfo

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity:
    """Checks spec.nodeSelector and spec.affinity.nodeAffinity."""

    name = "NodeAffinity"

    def filter(self, pod: PodInfo, state: State) -> Iterable[tuple[str, Mask]]:
        if pod.node_selector or pod.node_affinity.get(_REQUIRED):
            yield "node(s) didn't match Pod's node affinity/selector", ~chosen(pod, state)

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        total = np.zeros(len(feasible), np.int64)
        for entry in pod.node_affinity.get(_PREFERRED) or ():
            total += entry["weight"] * _term_rows(entry.get("preference") or {}, state.columns)
        most = int(total[feasible].max(initial=0))
        return MAX_SCORE * total // most if most > 0 else total


def chosen(pod: PodInfo, state: State) -> Mask:
    """Return the rows that a pod's selector and required affinity allow."""
    required = pod.node_affinity.get(_REQUIRED)
    key = ("NodeAffinity", repr(sorted(pod.node_selector.items())), repr(required))
    mask = state.fresh().get(key)
    if mask is not None:
        return mask
    columns = state.columns
    mask = ~columns.rows_like()
    for name, value in pod.node_selector.items():
        mask &= columns.rows_with(name, (value,))
    if required is not None:
        terms = required.get("nodeSelectorTerms") or ()
        # Terms are alternatives; none at all matches nothing.
        anywhere = columns.rows_like()
        for term in terms:
            anywhere |= _term_rows(term, columns)
        mask &= anywhere
    return state.keep(key, mask)


def _term_rows(term: Mapping[str, Any], columns: Columns) -> Mask:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        return columns.rows_like()
    mask = ~columns.rows_like()
    for entry in expressions:
        mask &= _requirement(entry, columns)
    for entry in fields:
        mask &= _field(entry, columns)
    return mask


def _requirement(entry: Mapping[str, Any], columns: Columns) -> Mask:
    key, operator, values = entry["key"], entry["operator"], entry.get("values") or ()
    if operator == "In":
        return columns.rows_with(key, values)
    if operator == "NotIn":
        return ~columns.rows_with(key, values)
    present: Mask = columns.domains(key) >= 0
    if operator == "Exists":
        return present
    if operator == "DoesNotExist":
        return ~present
    return _compared(key, operator, values, columns)


def _compared(key: str, operator: str, values: Sequence[str], columns: Columns) -> Mask:
    """Gt and Lt: labels that are whole numbers, against one that is."""
    rows = columns.rows_like()
    try:
        limit = int(values[0])
    except (IndexError, ValueError):
        return rows
    column = columns.labels.get(key)
    for value, code in (column.values if column else {}).items():
        try:
            number = int(value)
        except ValueError:
            continue
        if number > limit if operator == "Gt" else number < limit:
            rows |= columns.domains(key) == code
    return rows


def _field(entry: Mapping[str, Any], columns: Columns) -> Mask:
    rows = columns.rows_like()
    if entry["key"] == "metadata.name":
        for name in entry.get("values") or ():
            row = columns.index.get(name)
            if row is not None:
                rows[row] = True
    return ~rows if entry["operator"] == "NotIn" else rows
