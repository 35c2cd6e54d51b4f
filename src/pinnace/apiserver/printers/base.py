"""What a printer is: the columns of a kind, and a pure function from an object to its cells."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pinnace.api.errors import ApiError
from pinnace.api.objects import Object, parse_time
from pinnace.api.quantity import canonical
from pinnace.api.selectors import label_selector_from_object

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a priority above 0 is shown in wide output only."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""

    def definition(self) -> Object:
        """Return the column as a Table carries it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


Cells = Callable[[Object, datetime], list[Any]]


def no_conditions(obj: Object) -> list[Object]:
    """Say nothing special about a row."""
    return []


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of a kind, the cells of an object, and what is special about its row.

    `order` gives a sort key where rows do not keep the order of the list.
    """

    columns: tuple[Column, ...]
    cells: Cells
    conditions: Callable[[Object], list[Object]] = no_conditions
    order: Callable[[Object], Any] | None = None


NAME = Column("Name", format="name")
AGE = Column("Age")


def integer(name: str) -> Column:
    """Return a column of numbers."""
    return Column(name, "integer")


def wide(name: str) -> Column:
    """Return a column that only wide output shows."""
    return Column(name, priority=1)


def dig(obj: Any, *path: str, default: Any = None) -> Any:
    """Return the value at a path of keys, or the default where the path or the value is missing."""
    for key in path:
        if not isinstance(obj, dict):
            return default
        obj = obj.get(key)
    return default if obj is None else obj


def name_of(obj: Object) -> str:
    """Return an object's name."""
    return str(dig(obj, "metadata", "name", default=""))


def since(when: Any, now: datetime) -> str:
    """Return how long ago a timestamp was, for people."""
    if not when:
        return UNKNOWN
    try:
        then = parse_time(str(when))
    except ValueError:
        return "<invalid>"
    return human_duration((now - then).total_seconds())


def age(obj: Object, now: datetime) -> str:
    """Return how long ago an object was created."""
    return since(dig(obj, "metadata", "creationTimestamp"), now)


def human_duration(length: float) -> str:
    """Return a length of time in two or three figures: 45s, 3m10s, 5h12m, 2d4h, 400d, 2y30d."""
    # Clocks differ: up to two seconds ahead counts as now.
    seconds = int(length)
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 24 * 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, unit: str, small: int, below: str) -> str:
    return f"{large}{unit}{small}{below}" if small else f"{large}{unit}"


def labels_text(labels: Any) -> str:
    """Return labels as `a=b,c=d`, sorted."""
    if not labels:
        return NONE
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def selector_text(selector: Any, *, empty: str = NONE, invalid: str = "<error>") -> str:
    """Return a label selector as it would be typed."""
    try:
        return str(label_selector_from_object(selector)) or empty
    except ApiError:
        return invalid


def quantity_text(value: Any) -> str:
    """Return a quantity in canonical form; an absent one is 0."""
    if value is None:
        return "0"
    try:
        return canonical(value)
    except ValueError:
        return str(value)


def containers_text(containers: Any) -> list[str]:
    """Return the names and the images of containers, each as one cell."""
    found = containers or ()
    return [
        ",".join(container.get("name", "") for container in found),
        ",".join(container.get("image", "") for container in found),
    ]


def clipped(found: Iterable[str], limit: int, *, empty: str = "") -> str:
    """Join what fits, and count the rest: `a,b,c + 2 more...`."""
    listed = list(found)
    text = ",".join(listed[:limit]) or empty
    return f"{text} + {len(listed) - limit} more..." if len(listed) > limit else text


def deleting(obj: Object) -> bool:
    """Tell whether an object is on its way out."""
    return bool(dig(obj, "metadata", "deletionTimestamp"))
