"""The kernel's own mounts: as root on Linux."""

import os
import sys

import pytest

from pinnace.node.mount_table import mount_points
from pinnace.node.mounts import LinuxMounts

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux"),
]


def mounted(below):
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return [point for point in mount_points(table.read()) if point.startswith(str(below))]


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_text("1")
    return tmp_path / "source"


def bind(mounts, path, target):
    descriptor = os.open(path, os.O_PATH)
    try:
        mounts.bind(descriptor, target)
    finally:
        os.close(descriptor)


def test_removing_a_tree_leaves_what_was_mounted_there(tmp_path, source):
    mounts, top = LinuxMounts(), tmp_path / "pod with space"
    bind(mounts, source, top / "folder" / "0")
    bind(mounts, source / "file", top / "file" / "0")
    assert (top / "folder/0/file").read_text() == (top / "file/0").read_text() == "1"
    # Also by a path that the mount table does not have.
    (tmp_path / "link").symlink_to(tmp_path)
    mounts.remove_tree(tmp_path / "link" / top.name)
    assert (source / "file").read_text() == "1"
    assert mounted(top) == []
    assert not top.exists()


def test_a_mount_replaces_the_one_before(tmp_path, source):
    mounts, target = LinuxMounts(), tmp_path / "target"
    bind(mounts, source, target)
    bind(mounts, source / "file", target)
    try:
        assert target.read_text() == "1"
        assert mounted(target) == [str(target)]
    finally:
        bind(mounts, source, target)
        mounts.remove_tree(target)
