import os
from datetime import UTC, datetime

import pytest

from pinnace.node.volumes.atomic import File, write_atomically
from pinnace.node.volumes.base import VolumeError
from pinnace.node.volumes.host_path import check
from pinnace.node.volumes.ownership import common_user, give_to_group
from pinnace.node.volumes.payload import keyed_files
from pinnace.node.volumes.subpath import resolve, sub_path
from pinnace.testing.kubelet_stage import make_container, make_pod

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def files(**texts):
    return {name: File(text.encode(), 0o644) for name, text in texts.items()}


def test_readers_see_files_through_one_link(tmp_path):
    assert write_atomically(tmp_path, files(a="1", b="2"), NOW)
    assert (tmp_path / "a").read_text() == "1"
    assert os.readlink(tmp_path / "a") == "..data/a"
    first = os.readlink(tmp_path / "..data")
    assert write_atomically(tmp_path, files(a="3"), NOW)
    assert (tmp_path / "a").read_text() == "3"
    assert not (tmp_path / "b").is_symlink()
    assert os.readlink(tmp_path / "..data") != first
    assert not (tmp_path / first).exists()


def test_the_same_again_changes_nothing(tmp_path):
    write_atomically(tmp_path, files(a="1"), NOW)
    assert not write_atomically(tmp_path, files(a="1"), NOW)
    assert write_atomically(tmp_path, {"a": File(b"1", 0o600)}, NOW)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_paths_may_have_folders(tmp_path):
    write_atomically(tmp_path, {"x/y": File(b"1", 0o644), "x/z": File(b"2", 0o644)}, NOW)
    assert (tmp_path / "x" / "y").read_bytes() == b"1"
    assert os.readlink(tmp_path / "x") == "..data/x"


@pytest.fixture
def narrow_umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("narrow_umask")
def test_folders_are_open_to_every_user_of_a_container(tmp_path):
    write_atomically(tmp_path, {"x/y/z": File(b"1", 0o644)}, NOW)
    for path in ("x", "x/y"):
        assert (tmp_path / path).stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "x/y/z").stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("narrow_umask")
def test_what_is_created_on_the_host_is_readable_by_all(tmp_path):
    check(tmp_path / "a/b", "DirectoryOrCreate")
    check(tmp_path / "a/b/c", "FileOrCreate")
    modes = [(tmp_path / path).stat().st_mode & 0o777 for path in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o644]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "."])
def test_no_file_is_written_outside_the_volume(tmp_path, name):
    with pytest.raises(VolumeError, match="leads out of the volume"):
        write_atomically(tmp_path / "volume", {name: File(b"1", 0o644)}, NOW)
    assert not (tmp_path / "volume").exists()


def test_items_choose_keys_paths_and_modes():
    source = {"items": [{"key": "a", "path": "p/q", "mode": 0o400}]}
    found = keyed_files({"a": b"1", "b": b"2"}, source, mode=0o644, missing="no a")
    assert found == {"p/q": File(b"1", 0o400)}
    with pytest.raises(VolumeError, match="no a"):
        keyed_files({}, source, mode=0o644, missing="no a")
    assert keyed_files({}, {**source, "optional": True}, mode=0o644, missing="") == {}


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("Directory", "file", "is not a directory"),
        ("Directory", "none", "is not a directory"),
        ("File", "folder", "is not a file"),
        ("Socket", "file", "is not a socket file"),
        ("BlockDevice", "file", "is not a block device"),
        ("CharDevice", "file", "is not a character device"),
    ],
)
def test_host_paths_are_of_their_type(tmp_path, kind, name, text):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(VolumeError) as caught:
        check(tmp_path / name, kind)
    assert str(caught.value) == f"hostPath type check failed: {tmp_path / name} {text}"


def test_host_paths_are_made_when_asked(tmp_path):
    check(tmp_path / "a" / "b", "DirectoryOrCreate")
    assert (tmp_path / "a" / "b").is_dir()
    check(tmp_path / "c", "FileOrCreate")
    assert (tmp_path / "c").is_file()
    check(tmp_path / "anything", "")


def test_sub_paths_stay_in_the_volume(tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "out").symlink_to(tmp_path)
    assert resolve(volume, "a/b", mount="m", container="c") == volume / "a" / "b"
    assert (volume / "a" / "b").is_dir()
    with pytest.raises(VolumeError):
        resolve(volume, "out/x", mount="m", container="c")


def test_sub_path_expressions_need_their_variables():
    assert sub_path({"subPathExpr": "x/$(A)"}, {"A": "1"}) == "x/1"
    for mount in ({"subPathExpr": "$(B)"}, {"subPath": "/abs"}, {"subPath": "a/../b"}):
        with pytest.raises(VolumeError):
            sub_path(mount, {"A": "1"})


def test_one_user_for_all_containers_owns_the_token():
    one = make_container(securityContext={"runAsUser": 7})
    other = make_container("other", securityContext={"runAsUser": 8})
    assert common_user(make_pod(containers=[one])) == 7
    assert common_user(make_pod(containers=[one, other])) is None
    assert common_user(make_pod(securityContext={"runAsUser": 9})) == 9


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_a_volume_is_given_to_the_group(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    give_to_group(tmp_path, 4242, readonly=False)
    found = (tmp_path / "folder" / "file").stat()
    assert found.st_gid == 4242
    assert found.st_mode & 0o060 == 0o060
    assert (tmp_path / "folder").stat().st_mode & 0o2070 == 0o2070
