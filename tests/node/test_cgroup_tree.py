import pytest

from pinnace.node import cgroup_tree


def test_version_one_removes_the_group_in_every_hierarchy_once(tmp_path):
    for name in ("cpu", "memory"):
        (tmp_path / name / "pinnace/pod/container").mkdir(parents=True)
        (tmp_path / name / "other").mkdir()
    (tmp_path / "cpuacct").symlink_to("cpu")
    cgroup_tree.remove("/pinnace", tmp_path)
    assert {path.name for path in tmp_path.glob("*/*")} == {"other"}


def test_version_two_has_one_hierarchy(tmp_path):
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "pinnace/pod").mkdir(parents=True)
    cgroup_tree.remove("pinnace", tmp_path)
    assert not (tmp_path / "pinnace").exists()


def test_a_group_that_is_in_use_stays(tmp_path):
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "pinnace/busy").mkdir(parents=True)
    (tmp_path / "pinnace/busy/process").touch()
    cgroup_tree.remove("pinnace", tmp_path)
    assert (tmp_path / "pinnace/busy").exists()


def test_the_root_is_never_removed(tmp_path):
    with pytest.raises(ValueError, match="root"):
        cgroup_tree.remove("/", tmp_path)
