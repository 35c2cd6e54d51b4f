"""Knocks at the doors of `pinnace.testing.doors` with atheris: python -m tools.fuzz NAME [...].

Inputs that reach new code are kept in --work (by default thrown away); one that breaks a door is
left in --work as `crash-*` or `timeout-*`: shorten it, give it a name, put it into
tests/fuzz/corpus/NAME, and mend what it shows. atheris is no dependency of the project: it has
wheels for some versions of Python only.
"""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pinnace"]):
    from pinnace.testing.doors import DOORS, Door

_CORPUS = Path(__file__).parent.parent / "tests" / "fuzz" / "corpus"


def main() -> None:
    """Read the options and knock until the time is over or a door breaks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name", choices=list(DOORS))
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--work", type=Path)
    options.add_argument("--go-on", action="store_true", help="keep one input for each bug, go on")
    given = options.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="fuzz-"))
    work.mkdir(parents=True, exist_ok=True)
    door = DOORS[given.name]()
    arguments = [
        sys.argv[0], f"-max_total_time={given.seconds}", "-timeout=20", "-max_len=4096",
        f"-artifact_prefix={work}/", str(work), str(_CORPUS / given.name),
    ]  # fmt: skip
    atheris.Setup(arguments, _Collecting(door, work) if given.go_on else door)
    atheris.Fuzz()


class _Collecting:
    """Goes on after a bug, of which it keeps the first input."""

    def __init__(self, door: Door, work: Path) -> None:
        self._door, self._work = door, work
        self._known: set[str] = set()

    def __call__(self, data: bytes) -> None:
        try:
            self._door(data)
        except Exception as error:  # noqa: BLE001  # whatever a door raises is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            where = "; ".join(f"{Path(one.filename).name}:{one.lineno}" for one in frames[-2:])
            what = f"{type(error).__name__} at {where}"
            if what not in self._known:
                self._known.add(what)
                (self._work / f"found-{len(self._known)}").write_bytes(data)
                print(f"FOUND {len(self._known)}: {what}: {error}", flush=True)


if __name__ == "__main__":
    main()
