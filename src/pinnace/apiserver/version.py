"""What /version says."""

import platform
from collections.abc import Mapping
from types import MappingProxyType

MAJOR, MINOR = "1", "36"
GIT_VERSION = "v1.36.0+pinnace"

VERSION: Mapping[str, str] = MappingProxyType(
    {
        "major": MAJOR,
        "minor": MINOR,
        "emulationMajor": MAJOR,
        "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR,
        "minCompatibilityMinor": str(int(MINOR) - 1),
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "",
        "goVersion": "",
        "compiler": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": "linux/amd64" if platform.machine() == "x86_64" else "linux/arm64",
    }
)
