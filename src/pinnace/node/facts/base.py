"""A fact about the host: a name and a function that reads it below a root directory.

The parsing is pure and the reading thin, so that tests bring hosts of their own as directories.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A part of a Node's status: `capacity` by resource name, `node_info` by field."""

    capacity: Mapping[str, str] = field(default_factory=dict)
    node_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Host:
    """Where to read: the root of the file system, and the kubelet's own directory for disks."""

    root: Path = Path("/")
    data: Path = Path("/")

    def text(self, path: str) -> str:
        """Return a file's contents without the last line's end; empty if it cannot be read."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace").strip("\n\0 ")
        except OSError:
            return ""

    def names(self, path: str) -> list[str]:
        """Return what is in a directory, sorted; nothing if it cannot be read."""
        try:
            return sorted(os.listdir(self.root / path.lstrip("/")))
        except OSError:
            return []


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the table."""

    name: str
    gather: Callable[[Host], HostFacts]
