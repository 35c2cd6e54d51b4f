"""Runs lifecycle hooks: postStart and preStop."""

from collections.abc import Mapping
from typing import Any

import aiohttp

from pinnace.api.gotext import slice_text
from pinnace.kit.clock import Clock
from pinnace.node.podspec import Declared, full_name
from pinnace.node.probes.base import ProbeError
from pinnace.node.probes.http import headers_of, url_of
from pinnace.node.probes.prober import named_ports
from pinnace.node.runtime import Runtime, RuntimeCallError


class HookFailed(Exception):
    """The hook did not do its work; the text becomes the container's waiting message."""


class Hooks:
    """Carries out the handlers of containers' hooks."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    async def run(
        self,
        pod: Mapping[str, Any],
        one: Declared,
        handler: Mapping[str, Any],
        *,
        container_id: str,
        host: str,
    ) -> None:
        """Run one handler to its end; raises HookFailed with upstream's text."""
        where = f'for Container "{one.name}" in Pod "{full_name(pod)}" failed'
        if "exec" in handler:
            await self._exec(handler["exec"], container_id, where)
        elif "httpGet" in handler:
            await _get(handler["httpGet"], one, host, where)
        elif "sleep" in handler:
            await self._clock.sleep(float(handler["sleep"].get("seconds") or 0))
        elif "tcpSocket" not in handler:
            raise HookFailed(f"Cannot run handler: invalid handler: {', '.join(handler)}")

    async def _exec(self, action: Mapping[str, Any], container_id: str, where: str) -> None:
        command = [str(each) for each in action.get("command") or ()]
        said = slice_text(command)
        try:
            result = await self._runtime.exec_sync(container_id, command, timeout=0)
        except RuntimeCallError as error:
            text = f'Exec lifecycle hook ({said}) {where} - error: {error}, message: ""'
            raise HookFailed(text) from error
        if result.exit_code != 0:
            output = (result.stdout + result.stderr).decode("utf-8", "replace")
            raise HookFailed(
                f"Exec lifecycle hook ({said}) {where} - error: command "
                f"'{' '.join(command)}' exited with {result.exit_code}: "
                f'{output}, message: "{output}"'
            )


async def _get(action: Mapping[str, Any], one: Declared, host: str, where: str) -> None:
    path = str(action.get("path") or "")
    try:
        url = url_of(action, host, named_ports(one))
        connector = aiohttp.TCPConnector(ssl=False, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(url, headers=headers_of(action)) as answer,
        ):
            await answer.read()
    except (ProbeError, aiohttp.ClientError, OSError) as error:
        raise HookFailed(f"HTTP lifecycle hook ({path}) {where} - error: {error}") from error
