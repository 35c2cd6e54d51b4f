"""How the settings of the API server are written, and what a setting is."""

from dataclasses import field
from enum import StrEnum
from typing import Any


class Form(StrEnum):
    """How a setting is written on the command line; what it is then is its field's type."""

    TEXT = "TEXT"
    FILE = "FILE"  # the path of a file, of type str
    NUMBER = "NUMBER"
    DECIMAL = "DECIMAL"  # of type float
    DURATION = "DURATION"  # as Go writes it; seconds, of type float
    SWITCH = "SWITCH"
    LIST = "LIST"  # with commas, or given several times; a tuple of texts


def setting(default: Any, form: Form, help: str) -> Any:  # click's word for it
    """Return the field of a setting."""
    return field(default=default, metadata={"form": form, "help": help})
