"""Renders the configuration of a private containerd: pure, from facts to TOML.

Version 2 of the format is what containerd 1.6 and 1.7 read, and what 2.x migrates by itself at
each start, key by key to where its split CRI plug-ins want it; version 3 is unknown to the former.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Value = str | int | bool | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerdConfig:
    """What a private containerd must know.

    `root` survives a reboot, `state` need not. `restrict_oom_score_adj` is for hosts where even
    root may not lower it. `registry_dir` is a directory of hosts.toml files, empty for none.
    """

    root: Path
    state: Path
    socket: Path
    cni_conf_dir: Path
    cni_bin_dir: Path
    sandbox_image: str
    snapshotter: str = "overlayfs"
    restrict_oom_score_adj: bool = False
    apparmor: bool = False
    selinux: bool = False
    systemd_cgroup: bool = False
    registry_dir: str = ""
    # More runtime handlers, by name: the path of a program that speaks runc's command line.
    handlers: Mapping[str, str] = field(default_factory=dict)


_CRI = ("plugins", "io.containerd.grpc.v1.cri")
_RUNC = "io.containerd.runc.v2"


def render(config: ContainerdConfig) -> str:
    """Return the contents of config.toml."""
    tables: list[tuple[tuple[str, ...], dict[str, Value]]] = [
        (
            (),
            {
                "version": 2,
                "root": str(config.root),
                "state": str(config.state),
                "oom_score": 0,
            },
        ),
        # Its log grows for as long as it runs, and that is long.
        (("debug",), {"level": "warn"}),
        (("grpc",), {"address": str(config.socket), "uid": 0, "gid": 0}),
        (("ttrpc",), {"address": f"{config.socket}.ttrpc", "uid": 0, "gid": 0}),
        # It makes a directory, and would make it in /opt.
        (("plugins", "io.containerd.internal.v1.opt"), {"path": str(config.root / "opt")}),
        (_CRI, _cri(config)),
        ((*_CRI, "cni"), _cni(config)),
        (
            (*_CRI, "containerd"),
            {"default_runtime_name": "runc", "snapshotter": config.snapshotter},
        ),
    ]
    for name, program in {"runc": "", **config.handlers}.items():
        table = (*_CRI, "containerd", "runtimes", name)
        options: dict[str, Value] = {
            "SystemdCgroup": config.systemd_cgroup,
            "Root": str(config.state / "runc"),
        }
        if program:
            options["BinaryName"] = program
        tables += [(table, {"runtime_type": _RUNC}), ((*table, "options"), options)]
    if config.registry_dir:
        tables.append(((*_CRI, "registry"), {"config_path": config.registry_dir}))
    return "\n".join(_table(path, values) for path, values in tables)


def _cri(config: ContainerdConfig) -> dict[str, Value]:
    return {
        "sandbox_image": config.sandbox_image,
        "restrict_oom_score_adj": config.restrict_oom_score_adj,
        "disable_apparmor": not config.apparmor,
        "enable_selinux": config.selinux,
        "disable_tcp_service": True,
        "stream_server_address": "127.0.0.1",
        "stream_server_port": "0",
        "tolerate_missing_hugetlb_controller": True,
        "disable_hugetlb_controller": True,
        # As containerd 2 has it by default: any user of a pod may bind port 80 and ping.
        "enable_unprivileged_ports": True,
        "enable_unprivileged_icmp": True,
        # All that is mounted lies below one directory, so that it can be found and removed.
        "netns_mounts_under_state_dir": True,
    }


def _cni(config: ContainerdConfig) -> dict[str, Value]:
    return {
        "conf_dir": str(config.cni_conf_dir),
        "bin_dir": str(config.cni_bin_dir),
        "max_conf_num": 1,
    }


def _table(path: Sequence[str], values: Mapping[str, Value]) -> str:
    head = [f"[{'.'.join(json.dumps(part) for part in path)}]"] if path else []
    # JSON's strings, numbers, booleans and flat lists are TOML's too.
    return "\n".join([*head, *(f"{key} = {json.dumps(value)}" for key, value in values.items())])
