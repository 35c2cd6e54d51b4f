"""Tells whether a program needs anything beside itself to run."""

import struct
from pathlib import Path

_INTERPRETER = 3  # PT_INTERP: the segment that names the dynamic loader


class NotStatic(Exception):
    """A program cannot be put into an image by itself; the text is one line for people."""


def is_static(data: bytes) -> bool:
    """Answer whether an ELF program has no dynamic loader; raises ValueError if it is not ELF."""
    if data[:4] != b"\x7fELF" or len(data) < 64:
        raise ValueError("not an ELF program")
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    # Where the program headers are, how long one is and how many there are.
    offset = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)[0]
    size, count = struct.unpack_from(order + "HH", data, 54 if wide else 42)
    return all(
        struct.unpack_from(order + "I", data, offset + n * size)[0] != _INTERPRETER
        for n in range(count)
    )


def static_program(path: Path, *, package: str) -> bytes:
    """Return a static program's bytes; raises NotStatic that says what to install."""
    try:
        data = path.read_bytes()
    except OSError as failure:
        raise NotStatic(
            f"{path} cannot be read ({failure.strerror}); install the package {package}"
        ) from failure
    try:
        static = is_static(data)
    except (ValueError, struct.error) as failure:
        raise NotStatic(f"{path} is not a program; install the package {package}") from failure
    if not static:
        raise NotStatic(
            f"{path} is linked dynamically and would not run in an image of its own; "
            f"install the package {package}"
        )
    return data
