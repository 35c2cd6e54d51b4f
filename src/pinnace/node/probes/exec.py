"""exec: a command in the container; code 0 is healthy."""

from pinnace.node.probes.base import Asked, Outcome, ProbeError, ProbeType
from pinnace.node.runtime import RuntimeCallError, RuntimeDeadline

# As much of a command's output as goes into an Event.
_MAX_OUTPUT = 10 * 1024


async def ask(asked: Asked) -> Outcome:
    """Run the command."""
    command = [str(each) for each in asked.handler.get("command") or ()]
    try:
        result = await asked.execute(command, timeout=asked.timeout)
    except RuntimeDeadline:
        said = " ".join(command)
        return Outcome(
            ok=False, output=f'command timed out: "{said}" timed out after {asked.timeout:g}s'
        )
    except RuntimeCallError as error:
        raise ProbeError(str(error)) from error
    text = (result.stdout + result.stderr)[:_MAX_OUTPUT].decode("utf-8", "replace")
    return Outcome(ok=result.exit_code == 0, output=text)


EXEC = ProbeType("exec", ask)
