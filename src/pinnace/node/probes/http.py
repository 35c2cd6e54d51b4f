"""httpGet: healthy when the answer's code is from 200 to 399."""

from collections.abc import Mapping
from typing import Any

import aiohttp

from pinnace.node.probes.base import Asked, Outcome, ProbeType, port_number
from pinnace.node.probes.tcp import dial_error

_MAX_BODY = 10 * 1024
AGENT = "kube-probe/1.36"
_MAX_REDIRECTS = 10


def url_of(handler: Mapping[str, Any], host: str, ports: Mapping[str, int]) -> str:
    """Return the URL that an httpGet handler means."""
    scheme = str(handler.get("scheme") or "HTTP").lower()
    name = str(handler.get("host") or host)
    port = port_number(handler["port"], ports)
    path = str(handler.get("path") or "/")
    where = f"[{name}]" if ":" in name else name
    return f"{scheme}://{where}:{port}/{path.lstrip('/')}"


def headers_of(handler: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers to send: the handler's, with upstream's own for what is not set."""
    own = [(str(each["name"]), str(each["value"])) for each in handler.get("httpHeaders") or ()]
    names = {name.lower() for name, _ in own}
    given = [] if "user-agent" in names else [("User-Agent", AGENT)]
    if "accept" not in names:
        given.append(("Accept", "*/*"))
    return [*given, *((name, value) for name, value in own if value or name.lower() == "host")]


async def ask(asked: Asked) -> Outcome:
    """Get the URL; certificates are not checked, since they are the container's own."""
    url = url_of(asked.handler, asked.host, asked.ports)
    limit = aiohttp.ClientTimeout(total=asked.timeout)
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit) as session,
            session.get(
                url, headers=headers_of(asked.handler), max_redirects=_MAX_REDIRECTS
            ) as answer,
        ):
            body = (await answer.content.read(_MAX_BODY)).decode("utf-8", "replace")
            if 200 <= answer.status < 400:
                return Outcome(ok=True, output=body)
            return Outcome(ok=False, output=f"HTTP probe failed with statuscode: {answer.status}")
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    except aiohttp.ClientConnectorError as error:
        why = dial_error(error.host, int(error.port or 0), error.os_error)
    except aiohttp.ClientError as error:
        why = str(error) or "EOF"
    return Outcome(ok=False, output=f'Get "{url}": {why}')


HTTP = ProbeType("httpGet", ask)
