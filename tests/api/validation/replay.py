"""Replays changes of one field of an object that is right, as the tables of this folder tell."""

import copy
from typing import Any

from pinnace.api.defaults.table import apply_defaults
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.validation.table import (
    validate_create,
    validate_status_update,
    validate_update,
)

GONE: Any = object()
ROWS = {(row.group_version, row.kind): row for row in RESOURCES}


def changed(obj: Object, path: str, value: Any) -> Object:
    made = copy.deepcopy(obj)
    here: Any = made
    *parents, last = path.split(".")
    for key in parents:
        here = here[int(key) if isinstance(here, list) else key]
    if value is GONE:
        del here[last]
    else:
        here[int(last) if isinstance(here, list) else last] = value
    return made


def told(base: Object, how: str, path: str, value: Any) -> list[str]:
    """Return what is said of an object that is created, updated or has its status written."""
    row = ROWS[base["apiVersion"], base["kind"]]
    old, new = copy.deepcopy(base), changed(base, path, value)
    apply_defaults(row, old)
    apply_defaults(row, new)
    if how == "create":
        causes = validate_create(row, new)
    elif how == "update":
        causes = validate_update(row, new, old)
    else:
        causes = validate_status_update(row, new, old)
    return [cause.text() for cause in causes]


def told_of_new(base: Object) -> list[str]:
    """Return what is said of an object that is created as it is."""
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    return [cause.text() for cause in validate_create(row, obj)]
