"""Gives a volume to the Pod's fsGroup."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def fs_group(pod: Mapping[str, Any]) -> int | None:
    """Return the group that owns the Pod's volumes, if it asks for one."""
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)


def common_user(pod: Mapping[str, Any]) -> int | None:
    """Return the user that all containers run as, if they agree on one."""
    pod_level = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    containers = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    users = {(each.get("securityContext") or {}).get("runAsUser", pod_level) for each in containers}
    only = users.pop() if len(users) == 1 else None
    return None if only is None else int(only)


def give_to_group(directory: Path, group: int, *, readonly: bool) -> None:
    """Make everything in a volume readable (and writable) for the group; new files inherit it."""
    access = 0o440 if readonly else 0o660
    for base, folders, files in os.walk(directory):
        for name in [".", *folders, *files]:
            path = Path(base) / name
            if path.is_symlink():
                os.lchown(path, -1, group)
                continue
            os.chown(path, -1, group)
            mode = path.stat().st_mode & 0o7777
            path.chmod(mode | access | 0o2110 if path.is_dir() else mode | access)
