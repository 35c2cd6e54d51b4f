"""The order of API versions: stable before beta before alpha, newer before older.

Upstream: apimachinery `pkg/version/helpers.go`.
"""

import re

_VERSION = re.compile(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?")
_STABILITY = {"alpha": 0, "beta": 1, None: 2}


def version_priority(version: str) -> tuple[int, int, int, int, str]:
    """Sort key that puts v10 before v2 before v1 before v1beta2 before v1alpha1 before others."""
    found = _VERSION.fullmatch(version)
    if not found:
        return (1, 0, 0, 0, version)
    major, stability, minor = found.groups()
    return (0, -_STABILITY[stability], -int(major), -int(minor or 0), "")
