"""The directory that KUBEBUILDER_ASSETS names."""

import os
from pathlib import Path

import pytest

from pinnace.cluster.config import ConfigError
from pinnace.cluster.envtest.assets import script, write


def test_programs_are_executable_and_written_again(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "bin"
    write(directory)
    assert set(write(directory)) >= {directory / "kube-apiserver", directory / "etcd"}
    assert all(os.access(directory / name, os.X_OK) for name in ("kube-apiserver", "etcd"))


def test_kubectl_is_linked_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert (tmp_path / "x" / "kubectl") not in write(tmp_path / "x")
    found = tmp_path / "some" / "kubectl"
    found.parent.mkdir()
    found.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(found.parent))
    assert (tmp_path / "x" / "kubectl") in write(tmp_path / "x")
    assert (tmp_path / "x" / "kubectl").readlink() == found


def test_a_program_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "etcd").write_bytes(b"\x7fELF")
    with pytest.raises(ConfigError, match="is not Pinnace's and is left alone"):
        write(tmp_path)
    assert (tmp_path / "etcd").read_bytes() == b"\x7fELF"
    assert not (tmp_path / "kube-apiserver").exists()


def test_a_path_with_spaces_is_quoted() -> None:
    assert script(["/my python", "-I"]).endswith("exec '/my python' -I \"$@\"\n")
