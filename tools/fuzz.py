"""Knocks at the doors of `pinnace.testing.doors` with atheris: python -m tools.fuzz NAME [...].

Inputs that reach new code are kept in --work (by default thrown away); one that breaks a door is
left in --work as `crash-*` or `timeout-*`: shorten it, give it a name, put it into
tests/fuzz/corpus/NAME, and mend what it shows. atheris is no dependency of the project: it has
wheels for some versions of Python only.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pinnace"]):
    from pinnace.testing.doors import DOORS

_CORPUS = Path(__file__).parent.parent / "tests" / "fuzz" / "corpus"


def main() -> None:
    """Read the options and knock until the time is over or a door breaks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name", choices=list(DOORS))
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--work", type=Path)
    given = options.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="fuzz-"))
    work.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0], f"-max_total_time={given.seconds}", "-timeout=5", "-max_len=4096",
        f"-artifact_prefix={work}/", str(work), str(_CORPUS / given.name),
    ]  # fmt: skip
    atheris.Setup(arguments, DOORS[given.name]())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
