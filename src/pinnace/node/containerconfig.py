"""What the runtime is told to make a container. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pinnace.node.env import ConfigError
from pinnace.node.expansion import expand_all
from pinnace.node.labels import CONTAINER_NAME, container_annotations, identity
from pinnace.node.podspec import Declared
from pinnace.node.resources.limits import container_resources
from pinnace.node.runtime import (
    ContainerConfig,
    ImageStatus,
    Mount,
    Propagation,
)
from pinnace.node.sandboxconfig import NodeSettings
from pinnace.node.security import container_security
from pinnace.node.volumes.base import Mounted, VolumeError
from pinnace.node.volumes.subpath import sub_path

_PROPAGATION: dict[str, Propagation] = {
    "None": "PRIVATE",
    "HostToContainer": "HOST_TO_CONTAINER",
    "Bidirectional": "BIDIRECTIONAL",
}
ETC_HOSTS = "/etc/hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What is found out before a container can be made."""

    env: Mapping[str, str]
    volumes: Mapping[str, Mounted]
    image_ref: str
    image: ImageStatus | None
    restart_count: int
    hosts_file: Path | None = None
    message_file: Path
    target: str = ""
    # By its place among the container's mounts: where a subPath's directory is mounted.
    sub_paths: Mapping[int, Path] = field(default_factory=dict)


def container_mounts(container: Declared, making: Making) -> list[Mount]:
    """Return the container's mounts: its volumes, /etc/hosts and the termination message."""
    mounts = [
        _volume_mount(container, each, making, making.sub_paths.get(place))
        for place, each in enumerate(declared_mounts(container))
    ]
    taken = {mount.container_path for mount in mounts}
    if making.hosts_file is not None and ETC_HOSTS not in taken:
        mounts.append(Mount(container_path=ETC_HOSTS, host_path=str(making.hosts_file)))
    message_path = container.spec.get("terminationMessagePath") or "/dev/termination-log"
    mounts.append(Mount(container_path=message_path, host_path=str(making.message_file)))
    return mounts


def declared_mounts(container: Declared) -> list[Mapping[str, Any]]:
    """Return the container's volumeMounts."""
    return list(container.spec.get("volumeMounts") or ())


def _volume_mount(
    container: Declared, mount: Mapping[str, Any], making: Making, below: Path | None
) -> Mount:
    volume = making.volumes.get(mount["name"])
    if volume is None:
        raise ConfigError(
            f'cannot find volume "{mount["name"]}" to mount into container "{container.name}"'
        )
    path = mount["mountPath"]
    target = path if path.startswith("/") else "/" + path
    readonly = bool(mount.get("readOnly")) or volume.readonly
    return Mount(
        container_path=target,
        host_path=str(below or volume.path),
        readonly=readonly,
        recursive_readonly=mount.get("recursiveReadOnly") == "Enabled",
        propagation=_PROPAGATION[mount.get("mountPropagation") or "None"],
        image=volume.image,
        image_sub_path=_sub_path(mount, making.env) if volume.image else "",
    )


def _sub_path(mount: Mapping[str, Any], env: Mapping[str, str]) -> str:
    try:
        return sub_path(mount, env)
    except VolumeError as error:
        raise ConfigError(str(error)) from error


def container_config(
    pod: Mapping[str, Any], container: Declared, settings: NodeSettings, making: Making
) -> ContainerConfig:
    """Return the container's configuration; raises ConfigError with upstream's text."""
    spec = container.spec
    return ContainerConfig(
        name=container.name,
        image=making.image_ref,
        user_image=str(spec["image"]),
        attempt=making.restart_count,
        command=expand_all(list(spec.get("command") or ()), making.env),
        args=expand_all(list(spec.get("args") or ()), making.env),
        working_dir=spec.get("workingDir") or "",
        env=list(making.env.items()),
        mounts=container_mounts(container, making),
        labels={**identity(pod, settings.name), CONTAINER_NAME: container.name},
        annotations=container_annotations(pod, container, making.restart_count),
        log_path=f"{container.name}/{making.restart_count}.log",
        stdin=bool(spec.get("stdin")),
        stdin_once=bool(spec.get("stdinOnce")),
        tty=bool(spec.get("tty")),
        stop_signal=(spec.get("lifecycle") or {}).get("stopSignal") or "",
        resources=container_resources(pod, container, node_memory=settings.memory),
        security=container_security(pod, container, making.image, target=making.target),
    )
