from pathlib import Path

import pytest

from pinnace.node.resources.cgroups import Cgroups
from pinnace.testing.kubelet_stage import make_pod

UID = "uid-web"


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    for name in ("cpu", "memory", "systemd"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpuacct").symlink_to("cpu")
    return tmp_path


def groups_of(mount: Path) -> list[str]:
    return sorted(str(path.relative_to(mount)) for path in mount.rglob(f"pod{UID}"))


def test_removes_groups_that_only_the_runtime_made(mount: Path) -> None:
    # The runtime enters hierarchies without a controller, too.
    (mount / f"systemd/pinnace/besteffort/pod{UID}/main").mkdir(parents=True)
    (mount / f"cpu/pinnace/besteffort/pod{UID}/main").mkdir(parents=True)
    cgroups = Cgroups("/pinnace", mount=mount)
    assert cgroups.leftovers() == {UID}
    cgroups.remove(UID)
    assert groups_of(mount) == []
    assert cgroups.leftovers() == set()


def test_removes_the_group_of_a_pod_of_any_class(mount: Path) -> None:
    cgroups = Cgroups("/pinnace", mount=mount)
    cgroups.ensure(make_pod())
    assert groups_of(mount) == [f"{name}/pinnace/besteffort/pod{UID}" for name in ("cpu", "memory")]
    cgroups.remove(UID)
    assert groups_of(mount) == []
    (mount / f"cpu/pinnace/pod{UID}").mkdir()
    cgroups.remove(UID)
    assert groups_of(mount) == []


def test_knows_of_no_groups_where_it_makes_none(mount: Path) -> None:
    (mount / f"cpu/pinnace/pod{UID}").mkdir(parents=True)
    assert Cgroups("/pinnace", mount=mount, enabled=False).leftovers() == set()
