import gzip
import hashlib
import io
import json
import struct
import tarfile

import pytest

from pinnace.node.images import elf
from pinnace.node.images.builtin import busybox_spec, pause_spec
from pinnace.node.images.oci import File, ImageSpec, architecture, archive, build, layer


def contents(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {
            member.name: opened.extractfile(member).read() if member.isfile() else member
            for member in opened
        }


def unpacked(data):
    """Follow the archive from its index to the layers, checking every digest on the way."""
    files = contents(data)

    def blob(descriptor):
        found = files["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
        assert descriptor["digest"] == "sha256:" + hashlib.sha256(found).hexdigest()
        assert descriptor["size"] == len(found)
        return found

    index = json.loads(files["index.json"])
    manifest = json.loads(blob(index["manifests"][0]))
    config = json.loads(blob(manifest["config"]))
    tars = [gzip.decompress(blob(entry)) for entry in manifest["layers"]]
    ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]
    assert ids == config["rootfs"]["diff_ids"]
    return index, config, [contents(tar) for tar in tars]


SPEC = ImageSpec(
    names=["pinnace.local/a:1", "pinnace.local/b:2"],
    layers=[[File(path="/etc/x", data=b"x")], [File(path="y", kind="symlink", target="/etc/x")]],
    entrypoint=["/run"],
    cmd=["now"],
    env=["A=b"],
    user="65535:65535",
    labels={"k": "v"},
    exposed_ports=["80/tcp"],
)


def test_digests_lead_from_the_index_to_every_layer():
    index, config, layers = unpacked(archive(SPEC))
    names = [entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]]
    assert names == list(SPEC.names)
    assert config["config"] == {
        "Entrypoint": ["/run"],
        "Cmd": ["now"],
        "Env": ["A=b"],
        "User": "65535:65535",
        "Labels": {"k": "v"},
        "ExposedPorts": {"80/tcp": {}},
    }
    assert config["architecture"] == architecture()
    assert layers[0]["etc/x"] == b"x"
    assert layers[1]["y"].linkname == "/etc/x"


def test_the_same_spec_gives_the_same_bytes(tmp_path):
    build(SPEC, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == archive(SPEC)


def test_modes_and_owners_are_kept_and_times_are_not():
    files = [File(path="tmp", kind="directory", mode=0o1777), File(path="f", mode=0o640, uid=7)]
    with tarfile.open(fileobj=io.BytesIO(layer(files))) as opened:
        directory, file = opened.getmembers()
    assert (directory.isdir(), directory.mode) == (True, 0o1777)
    assert (file.mode, file.uid, file.mtime) == (0o640, 7, 0)


def test_busybox_has_its_applets_a_root_and_a_place_for_temporary_files():
    _, config, layers = unpacked(archive(busybox_spec(b"program", ["sh", "ls", "busybox"])))
    assert config["config"]["Cmd"] == ["sh"]
    files = layers[0]
    assert files["bin/busybox"] == b"program"
    assert files["bin/sh"].linkname == "/bin/busybox"
    assert files["tmp"].mode == 0o1777
    assert b"root:x:0:0:" in files["etc/passwd"]


def test_pause_sleeps_as_nobody():
    _, config, _ = unpacked(archive(pause_spec(b"program")))
    assert config["config"]["Entrypoint"] == ["/catatonit", "-P"]
    assert config["config"]["User"] == "65535:65535"


def program(*segments):
    """An ELF program of 64 bits with segments of the given types."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + bytes(16) + struct.pack("<QQ", 64, 0)
    head += struct.pack("<IHHH", 0, 64, 56, len(segments))
    return head.ljust(64, b"\0") + b"".join(
        struct.pack("<I", kind).ljust(56, b"\0") for kind in segments
    )


def test_a_program_with_a_loader_is_not_static(tmp_path):
    assert elf.is_static(program(1, 1))
    assert not elf.is_static(program(1, 3))
    path = tmp_path / "busybox"
    path.write_bytes(program(3))
    with pytest.raises(elf.NotStatic, match="install the package busybox-static"):
        elf.static_program(path, package="busybox-static")


@pytest.mark.parametrize("data", [b"#!/bin/sh\n", b"\x7fELF", None])
def test_what_is_no_program_is_refused_with_what_to_install(tmp_path, data):
    path = tmp_path / "catatonit"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(elf.NotStatic, match="install the package catatonit"):
        elf.static_program(path, package="catatonit")
