"""Makes all volumes of a Pod ready, keeps the live ones fresh, and clears up afterwards."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.node.podspec import Declared, all_declared, uid_of
from pinnace.node.volumes.base import Mounted, Request, Supply, VolumeError, VolumeKind
from pinnace.node.volumes.subpath import open_below, sub_path


@dataclass(frozen=True, slots=True)
class Problem:
    """A volume that could not be made ready, and the Event's text."""

    volume: str
    message: str


def pod_directory(root: Path, uid: str) -> Path:
    """Return the directory that holds all that the kubelet writes for one Pod."""
    return root / "pods" / uid


def _used(pod: Mapping[str, Any]) -> set[str]:
    names: set[str] = set()
    for one in all_declared(pod):
        names.update(str(each["name"]) for each in one.spec.get("volumeMounts") or ())
    return names


class PodVolumes:
    """The volumes of Pods on this node."""

    def __init__(self, root: Path, supply: Supply, kinds: Iterable[VolumeKind]) -> None:
        self._root = root
        self._supply = supply
        self._kinds = {kind.field: kind for kind in kinds}

    async def set_up(
        self, pod: Object, *, live_only: bool = False
    ) -> tuple[dict[str, Mounted], list[Problem]]:
        """Make the volumes that containers use ready; what fails is told, not raised."""
        mounted: dict[str, Mounted] = {}
        problems: list[Problem] = []
        used = _used(pod)
        for volume in pod["spec"].get("volumes") or ():
            name = str(volume["name"])
            kind = next((self._kinds[key] for key in volume if key in self._kinds), None)
            if name not in used or (live_only and not (kind and kind.live)):
                continue
            try:
                mounted[name] = await self._one(pod, volume, kind)
            except (VolumeError, ApiError, OSError) as error:
                text = getattr(error, "message", None) or str(error)
                problems.append(
                    Problem(name, f'MountVolume.SetUp failed for volume "{name}" : {text}')
                )
        return mounted, problems

    async def _one(
        self, pod: Object, volume: Mapping[str, Any], kind: VolumeKind | None
    ) -> Mounted:
        name = str(volume["name"])
        if kind is None:
            raise VolumeError(
                f'failed to get Plugin from volumeSpec for volume "{name}" '
                "err=no volume plugin matched"
            )
        plugin = f"kubernetes.io~{kind.field.lower().replace('api', '-api')}"
        directory = pod_directory(self._root, uid_of(pod)) / "volumes" / plugin / name
        return await kind.set_up(
            Request(
                pod=pod,
                name=name,
                source=volume[kind.field] or {},
                directory=directory,
                supply=self._supply,
            )
        )

    async def sub_paths(
        self, pod: Object, one: Declared, mounted: Mapping[str, Mounted], env: Mapping[str, str]
    ) -> dict[int, Path]:
        """Mount what the container's subPaths mean where no container can touch the path to it.

        Returns the mounts by their place among volumeMounts; raises VolumeError and OSError.
        """
        found: dict[int, Path] = {}
        for place, mount in enumerate(one.spec.get("volumeMounts") or ()):
            volume, below = mounted.get(mount["name"]), sub_path(mount, env)
            if volume is None or volume.image or not below:
                continue
            parts = ("volume-subpaths", str(mount["name"]), one.name, str(place))
            target = pod_directory(self._root, uid_of(pod)).joinpath(*parts)
            await asyncio.to_thread(self._bind, Path(volume.path), below, mount, one.name, target)
            found[place] = target
        return found

    def _bind(
        self, volume: Path, below: str, mount: Mapping[str, Any], container: str, target: Path
    ) -> None:
        source = open_below(volume, below, mount=str(mount["name"]), container=container)
        try:
            self._supply.mounts.bind(source, target)
        finally:
            os.close(source)

    async def tear_down(self, uid: str) -> None:
        """Unmount and remove a Pod's volumes."""
        # What leads into the volumes goes before them.
        for part in ("volume-subpaths", "volumes"):
            directory = pod_directory(self._root, uid) / part
            await asyncio.to_thread(self._supply.mounts.remove_tree, directory)

    async def remove(self, uid: str) -> None:
        """Unmount and remove everything that was written for a Pod."""
        directory = pod_directory(self._root, uid)
        await asyncio.to_thread(self._supply.mounts.remove_tree, directory)

    def leftovers(self) -> list[str]:
        """Return the uids of all Pods that have a directory here."""
        pods = self._root / "pods"
        return [each.name for each in pods.iterdir()] if pods.is_dir() else []
