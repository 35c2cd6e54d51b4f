"""Has an image here before a container is made: policies, credentials, back-off."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from pinnace.node.restarts import Backoff, lengthened
from pinnace.node.runtime import (
    ImageAuth,
    ImageStatus,
    Runtime,
    RuntimeCallError,
    SandboxConfig,
)

_DOMAIN = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
)
_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"^(?P<name>(?:{_DOMAIN}/)?{_PATH}(?:/{_PATH})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,}))?$"
)
Tell = Callable[[Literal["Normal", "Warning"], str, str], None]


class PullFailed(Exception):
    """The image is not here; `reason` becomes the container's waiting reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def with_default_tag(image: str) -> str:
    """Return the reference with `:latest` if it has neither tag nor digest."""
    found = _REFERENCE.match(image)
    if found is None:
        why = "invalid reference format"
        if _REFERENCE.match(image.lower()):
            why += ": repository name (" + image.split(":")[0] + ") must be lowercase"
        raise PullFailed(
            "InvalidImageName",
            f'Failed to apply default image tag "{image}": '
            f'couldn\'t parse image name "{image}": {why}',
        )
    return image if found["tag"] or found["digest"] else f"{image}:latest"


def credentials(image: str, secrets: Iterable[Mapping[str, Any]]) -> ImageAuth | None:
    """Return what the pull secrets say for the image's registry, the longest match first."""
    wanted = _canonical(image)
    found: list[tuple[int, Mapping[str, Any], str]] = []
    for secret in secrets:
        for server, entry in _auths(secret).items():
            place = re.sub(r"^https?://", "", server).rstrip("/")
            place = re.sub(r"/v[12]$", "", place)
            host, _, _ = wanted.partition("/")
            if wanted == place or wanted.startswith((place + "/", place + ":")) or host == place:
                found.append((len(place), entry, server))
    if not found:
        return None
    _, entry, server = max(found, key=lambda each: each[0])
    return ImageAuth(
        username=entry.get("username") or "",
        password=entry.get("password") or "",
        auth=entry.get("auth") or "",
        server_address=server,
        identity_token=entry.get("identitytoken") or "",
    )


def _canonical(image: str) -> str:
    first = image.split("/", 1)[0]
    is_host = "/" in image and ("." in first or ":" in first or first == "localhost")
    return image if is_host else f"index.docker.io/{image}"


def _auths(secret: Mapping[str, Any]) -> dict[str, Any]:
    data = secret.get("data") or {}
    try:
        if ".dockerconfigjson" in data:
            return dict(
                orjson.loads(base64.b64decode(data[".dockerconfigjson"])).get("auths") or {}
            )
        if ".dockercfg" in data:
            return dict(orjson.loads(base64.b64decode(data[".dockercfg"])))
    except (binascii.Error, orjson.JSONDecodeError):
        return {}
    return {}


@dataclass(slots=True)
class ImagePuller:
    """Pulls images for one Pod; remembers what failed and how long to leave it alone."""

    runtime: Runtime
    now: Callable[[], datetime]
    _backoffs: dict[str, Backoff] = field(default_factory=dict)
    _failures: dict[str, str] = field(default_factory=dict)

    def retry_in(self) -> float | None:
        """Return in how many seconds the earliest back-off ends, None without one."""
        now = self.now()
        waits = [each.remaining(each.updated, now) for each in self._backoffs.values()]
        return min((wait for wait in waits if wait > 0), default=None)

    async def ensure(
        self,
        requested: str,
        policy: str,
        *,
        sandbox: SandboxConfig | None,
        secrets: Callable[[], Awaitable[list[Mapping[str, Any]]]],
        tell: Tell,
    ) -> ImageStatus:
        """Return the image once it is here; raises PullFailed, and tells Events on the way."""
        try:
            image = with_default_tag(requested)
        except PullFailed as error:
            tell("Warning", "InspectFailed", error.message)
            raise
        if policy != "Always":
            found = await self._inspect(image, tell)
            if found is not None:
                text = f'Container image "{requested}" already present on machine'
                tell("Normal", "Pulled", f"{text} and can be accessed by the pod")
                return found
            if policy == "Never":
                text = f'Container image "{requested}" is not present with pull policy of Never'
                tell("Warning", "ErrImageNeverPull", text)
                raise PullFailed("ErrImageNeverPull", text)
        self._check_backoff(requested, tell)
        await self._pull(requested, image, await secrets(), sandbox, tell)
        pulled = await self._inspect(image, tell)
        if pulled is None:
            raise PullFailed("ErrImagePull", f'image "{image}" is gone after it was pulled')
        return pulled

    async def _inspect(self, image: str, tell: Tell) -> ImageStatus | None:
        try:
            return await self.runtime.image_status(image)
        except RuntimeCallError as error:
            text = f'Failed to inspect image "{image}": {error}'
            tell("Warning", "InspectFailed", text)
            raise PullFailed("ImageInspectError", text) from error

    def _check_backoff(self, requested: str, tell: Tell) -> None:
        backoff = self._backoffs.get(requested)
        if backoff is None or backoff.remaining(backoff.updated, self.now()) <= 0:
            return
        text = f'Back-off pulling image "{requested}"'
        tell("Normal", "BackOff", text)
        before = self._failures.get(requested)
        raise PullFailed("ImagePullBackOff", f"{text}: {before}" if before else text)

    async def _pull(
        self,
        requested: str,
        image: str,
        secrets: list[Mapping[str, Any]],
        sandbox: SandboxConfig | None,
        tell: Tell,
    ) -> None:
        tell("Normal", "Pulling", f'Pulling image "{requested}"')
        begin = self.now()
        try:
            await self.runtime.pull_image(image, auth=credentials(image, secrets), sandbox=sandbox)
        except RuntimeCallError as error:
            tell("Warning", "Failed", f'Failed to pull image "{requested}": {error}')
            now = self.now()
            self._backoffs[requested] = lengthened(
                self._backoffs.get(requested), event=now, now=now
            )
            self._failures[requested] = f"ErrImagePull: {error}"
            raise PullFailed("ErrImagePull", str(error)) from error
        self._backoffs.pop(requested, None)
        self._failures.pop(requested, None)
        took = go_duration(self.now() - begin)
        found = await self.runtime.image_status(image)
        size = found.size if found else 0
        tell(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{requested}" in {took} '
            f"({took} including waiting). Image size: {size} bytes.",
        )


def go_duration(span: timedelta) -> str:
    """Write a time span as Go does, in whole milliseconds: 950ms, 1.25s, 2m3.5s."""
    milli = int(span.total_seconds() * 1000)
    if milli == 0:
        return "0s"
    if milli < 1000:
        return f"{milli}ms"
    minutes, rest = divmod(milli, 60_000)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{seconds}" if minutes else seconds
