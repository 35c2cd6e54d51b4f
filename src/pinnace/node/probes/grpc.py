"""grpc: healthy when the container's health service says SERVING."""

from pinnace.node.cri.health import HealthCallError, check_health
from pinnace.node.probes.base import Asked, Outcome, ProbeType, port_number


async def ask(asked: Asked) -> Outcome:
    """Call grpc.health.v1.Health/Check."""
    port = port_number(asked.handler["port"], asked.ports)
    where = f"[{asked.host}]:{port}" if ":" in asked.host else f"{asked.host}:{port}"
    service = str(asked.handler.get("service") or "")
    try:
        status = await check_health(where, service, timeout=asked.timeout)
    except HealthCallError as error:
        return Outcome(ok=False, output=str(error))
    if status == "SERVING":
        return Outcome(ok=True, output="service healthy")
    return Outcome(ok=False, output=f'service unhealthy (responded with "{status}")')


GRPC = ProbeType("grpc", ask)
