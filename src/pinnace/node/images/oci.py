"""Builds OCI images as image-layout archives, in pure Python and byte for byte reproducible.

A layer is a gzipped tar, a config says how to run what is in the layers, a manifest names both by
digest, and the index names the manifest. The same spec gives the same bytes, so an image that is
built anew is known by its digest and not imported twice.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# The archives must not depend on when they were made; registries show this date for such images.
_EPOCH = "1970-01-01T00:00:00Z"
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An entry of a layer: a file, a directory, or a link to `target`."""

    path: str
    kind: Literal["file", "directory", "symlink", "hardlink"] = "file"
    data: bytes = b""
    target: str = ""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """What an image is made of; `names` are full references, each gets the same image."""

    names: Sequence[str]
    layers: Sequence[Sequence[File]]
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    env: Sequence[str] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    user: str = ""
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: Sequence[str] = ()
    volumes: Sequence[str] = ()
    stop_signal: str = ""
    architecture: str = ""


def architecture(machine: str = "") -> str:
    """Return the host's architecture as images name it."""
    machine = machine or platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def layer(files: Sequence[File]) -> bytes:
    """Return an uncompressed tar of the entries, in their order and without times."""
    kinds = {
        "file": tarfile.REGTYPE,
        "directory": tarfile.DIRTYPE,
        "symlink": tarfile.SYMTYPE,
        "hardlink": tarfile.LNKTYPE,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            info = tarfile.TarInfo(file.path.lstrip("/"))
            info.type = kinds[file.kind]
            info.mode, info.uid, info.gid = file.mode, file.uid, file.gid
            info.linkname = file.target.lstrip("/") if file.kind == "hardlink" else file.target
            info.size = len(file.data) if file.kind == "file" else 0
            archive.addfile(info, io.BytesIO(file.data))
    return buffer.getvalue()


def archive(spec: ImageSpec) -> bytes:
    """Return the image as an OCI image-layout tar, which `ctr images import` reads."""
    blobs: dict[str, bytes] = {}
    tars = [layer(files) for files in spec.layers]
    layers = [
        _put(blobs, gzip.compress(tar, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
        for tar in tars
    ]
    config = _put(
        blobs, _json(config_document(spec, tars)), "application/vnd.oci.image.config.v1+json"
    )
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers}
    described = _put(blobs, _json(manifest), manifest_type)
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                **described,
                "platform": {
                    "architecture": spec.architecture or architecture(),
                    "os": "linux",
                },
                "annotations": {
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                },
            }
            for name in spec.names
        ],
    }
    files = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(index),
        **{f"blobs/sha256/{digest}": data for digest, data in sorted(blobs.items())},
    }
    return layer([File(path=path, data=data) for path, data in files.items()])


def config_document(spec: ImageSpec, tars: Sequence[bytes]) -> dict[str, object]:
    """Return the image's config: how to run it, and the digests of its unpacked layers."""
    run: dict[str, object] = {
        "Entrypoint": list(spec.entrypoint),
        "Cmd": list(spec.cmd),
        "Env": list(spec.env),
        "User": spec.user,
        "WorkingDir": spec.working_dir,
        "Labels": dict(spec.labels),
        "ExposedPorts": {port: {} for port in spec.exposed_ports},
        "Volumes": {path: {} for path in spec.volumes},
        "StopSignal": spec.stop_signal,
    }
    return {
        "created": _EPOCH,
        "architecture": spec.architecture or architecture(),
        "os": "linux",
        "config": {name: value for name, value in run.items() if value},
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars],
        },
        "history": [{"created": _EPOCH, "created_by": "pinnace"} for _ in tars],
    }


def build(spec: ImageSpec, path: Path) -> None:
    """Write the image's archive to `path`, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(archive(spec))
    fresh.replace(path)


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _put(blobs: dict[str, bytes], data: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
