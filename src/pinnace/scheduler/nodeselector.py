"""Node selector terms (core/v1 NodeSelector) asked of all nodes at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pinnace.scheduler.columns import Columns, Mask


def any_term(terms: Iterable[Mapping[str, Any]], columns: Columns) -> Mask:
    """Return the rows that one of the terms matches; no terms match nothing."""
    rows = columns.rows_like()
    for term in terms:
        rows |= term_rows(term, columns)
    return rows


def term_rows(term: Mapping[str, Any], columns: Columns) -> Mask:
    """Return the rows that match all of a term; an empty term matches nothing."""
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
