"""The operations of custom resources, as published: upstream describes them apart from its own.

Clients choose by these documents. kubectl apply sends a strategic merge patch to whatever says
that it takes one, and custom resources take none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pinnace.api.resources import Resource
from pinnace.apiserver.openapi.operations import LIST_QUERY, Operation, operations

_TYPES = ("application/json", "application/yaml")
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)


def custom_operations(
    row: Resource, names: Mapping[tuple[str, str, str], str]
) -> Iterator[Operation]:
    """Yield all operations of a custom row; `names` gives the definition of each kind."""
    for operation in operations(row, names):
        yield _custom(operation, (row.group, row.version, row.kind))


def _custom(operation: Operation, kind: tuple[str, str, str]) -> Operation:
    changed = replace(
        operation,
        kind=kind,
        answer_types=_TYPES,
        body_types=_PATCHES if operation.method == "patch" else _TYPES,
    )
    if operation.action == "patch":
        return replace(changed, codes=(200,))
    if operation.action == "list":
        said = changed.description.replace("list or watch objects", "list objects")
        return replace(changed, description=said)
    if operation.action == "deletecollection":
        return replace(changed, body="", query=LIST_QUERY)
    if operation.action == "get":
        return replace(changed, query=("resourceVersion",))
    return changed
