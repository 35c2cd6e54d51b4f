"""Warnings of volumes whose files would hide each other."""

from collections.abc import Iterator
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import listed

File = tuple[str, str]


def overlap_advice(spec: Object) -> Iterator[str]:
    """Warn of files of one volume of which one is, or lies in, another."""
    for _, volume in listed(spec, "volumes", ""):
        name = volume.get("name") or ""
        for kind, called, naming in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("downwardAPI", "DownwardAPI", ""),
        ):
            source = volume.get(kind)
            if isinstance(source, dict):
                what = f'{called} "{source.get(naming) or ""}"' if naming else called
                known: list[File] = []
                for file in _files(source, ""):
                    yield from _overlaps(known, file, f'volume "{name}" ({what})')
        if isinstance(volume.get("projected"), dict):
            yield from _projected(volume["projected"], f'volume "{name}" (Projected)')


def _projected(projected: Object, what: str) -> Iterator[str]:
    known: list[File] = []
    for _, source in listed(projected, "sources", ""):
        if not any(part is not None for part in source.values()):
            yield f"{what} has no sources provided"
        for file in _source_files(source):
            yield from _overlaps(known, file, what)


def _source_files(source: Object) -> list[File]:
    for kind, called in (("configMap", "ConfigMap"), ("secret", "Secret")):
        part = source.get(kind)
        if isinstance(part, dict) and part.get("items") is not None:
            return _files(part, f'{called} "{part.get("name") or ""}"')
    part = source.get("downwardAPI")
    if isinstance(part, dict) and part.get("items") is not None:
        return _files(part, "DownwardAPI")
    token = source.get("serviceAccountToken")
    if isinstance(token, dict):
        return [(str(token.get("path") or "").rstrip("/"), "ServiceAccountToken")]
    return []


def _files(source: Object, called: str) -> list[File]:
    return [
        (str(item.get("path") or "").rstrip("/"), called) for _, item in listed(source, "items", "")
    ]


def _overlaps(known: list[File], file: File, what: str) -> Iterator[str]:
    path = file[0]
    for other in known if path else ():
        theirs = other[0]
        inside = f"{theirs}/".startswith(f"{path}/") or f"{path}/".startswith(f"{theirs}/")
        if theirs and inside:
            yield f"{what}: overlapping paths: {_shown(file)} with {_shown(other)}"
    known.append(file)


def _shown(file: Any) -> str:
    path, called = file
    return f'"{path}" ({called})' if called else f'"{path}"'
