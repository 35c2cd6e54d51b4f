"""What a process imports before it can do anything."""

import os
import subprocess
import sys

_STARTED = """
import sys
import pinnace.cluster.components.apiserver
print(*(name for name in ("aiohttp", "yarl") if name in sys.modules))
"""


def test_an_api_server_that_calls_nobody_imports_no_http_client() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _STARTED],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ran.stdout.split() == []
