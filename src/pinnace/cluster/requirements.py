"""What this machine lacks for a real node."""

import asyncio
import sys
from pathlib import Path

from pinnace.node import host


def missing(data_dir: Path) -> list[str]:
    """Return what stands in the way of a real node, each in a few words; empty if nothing does."""
    if sys.platform != "linux":
        return ["containers run on Linux only"]
    checks = asyncio.run(host.examine(data=data_dir))
    return [f"{check.name}: {check.text}" for check in host.failed(checks)]
