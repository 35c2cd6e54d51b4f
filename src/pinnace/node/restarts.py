"""Whether a container that stopped is started again, and how long it waits for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pinnace.node.observed import PodRuntime
from pinnace.node.podspec import Declared, is_deleted

CRASH_INITIAL = 10.0
CRASH_MAX = 300.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """A delay in seconds, and when it was last lengthened."""

    delay: float
    updated: datetime

    def expired(self, event: datetime) -> bool:
        """Say whether things went well for so long that the delay starts anew."""
        return (event - self.updated).total_seconds() > 2 * CRASH_MAX

    def remaining(self, since: datetime, now: datetime) -> float:
        """Return the seconds left to wait, counted from `since`; 0 when free to go."""
        if self.expired(since):
            return 0.0
        return max(0.0, (since + timedelta(seconds=self.delay) - now).total_seconds())


def lengthened(old: Backoff | None, *, event: datetime, now: datetime) -> Backoff:
    """Return the delay that follows: 10 s at first, then doubled up to 5 minutes."""
    if old is None or old.expired(event):
        return Backoff(CRASH_INITIAL, now)
    return Backoff(min(old.delay * 2, CRASH_MAX), now)


def _rule_matches(rule: Mapping[str, Any], exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    values = codes.get("values") or ()
    if codes.get("operator") == "In":
        return exit_code in values
    return codes.get("operator") == "NotIn" and exit_code not in values


def restarts_after(container: Declared, pod: Mapping[str, Any], exit_code: int) -> bool:
    """Say whether the policies want the container back after it ended with this code."""
    own = container.spec.get("restartPolicy")
    if own is not None:
        for rule in container.spec.get("restartPolicyRules") or ():
            if rule.get("action") == "Restart" and _rule_matches(rule, exit_code):
                return True
    policy = own or pod["spec"].get("restartPolicy") or "Always"
    if policy == "OnFailure":
        return exit_code != 0
    if container.role == "init" and own is None and policy == "Always":
        return exit_code != 0
    return bool(policy == "Always")


def wants_start(container: Declared, pod: Mapping[str, Any], seen: PodRuntime) -> bool:
    """Say whether a container that is not running should be started."""
    if is_deleted(pod):
        return False
    last = seen.latest(container.name)
    if last is None:
        return True
    if last.state == "running":
        return False
    if last.state in ("created", "unknown"):
        return True
    return restarts_after(container, pod, last.exit_code)


def restarts_on_failure(pod: Mapping[str, Any], container: Declared | None = None) -> bool:
    """Say whether a failure leads to a restart; a container's own policy outranks the Pod's."""
    own = container.spec.get("restartPolicy") if container else None
    return (own or pod["spec"].get("restartPolicy") or "Always") != "Never"
