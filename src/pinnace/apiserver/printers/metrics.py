"""Columns of the resource metrics API: what is used, and over which window."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.api.quantity import ZERO, parse
from pinnace.apiserver.printers.base import Column, Printer, dig, name_of, quantity_text

_COLUMNS = (
    Column("Name", format="name", description="Name of the resource"),
    Column("cpu", format="quantity"),
    Column("memory", format="quantity"),
    Column("Window", format="duration"),
)


def _node(obj: Object, now: datetime) -> list[Any]:
    used = [quantity_text(dig(obj, "usage", name)) for name in ("cpu", "memory")]
    return [name_of(obj), *used, dig(obj, "window", default="0s")]


def _pod(obj: Object, now: datetime) -> list[Any]:
    total = {"cpu": ZERO, "memory": ZERO}
    for container in obj.get("containers") or ():
        for name in total:
            total[name] = total[name].add(parse(dig(container, "usage", name, default="0")))
    used = [each.canonical() for each in total.values()]
    return [name_of(obj), *used, dig(obj, "window", default="0s")]


NODE_METRICS = Printer(_COLUMNS, _node)
POD_METRICS = Printer(_COLUMNS, _pod)
