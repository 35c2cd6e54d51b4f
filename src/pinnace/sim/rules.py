"""How simulated pods live: rules as data, the first that matches a pod counts.

Annotations on the pod override what its rule says:

    pinnace.dev/sim-start-seconds  how long its containers take to start
    pinnace.dev/sim-run-seconds    how long they run, then they end
    pinnace.dev/sim-exit-code      with which code they end (without run-seconds: at once)
    pinnace.dev/sim-fail           they never start; the value is the reason shown
                                   (ErrImagePull, CreateContainerConfigError ...)
    pinnace.dev/sim-stop-seconds   how long they take to stop when the pod is deleted

A value that cannot be read counts as not given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pinnace.api.objects import Object, controller_of
from pinnace.api.selectors import EVERYTHING, LabelSelector

PREFIX = "pinnace.dev/sim-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What matches (all that is given must), and what becomes of such pods.

    `run_seconds` None runs for ever. `stop_seconds` is at most the pod's grace period.
    """

    name: str
    selector: LabelSelector = EVERYTHING
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner_kind: str = ""
    start_seconds: float = 0.0
    run_seconds: float | None = None
    exit_code: int = 0
    fail: str = ""
    stop_seconds: float = 0.0

    def matches(self, pod: Object) -> bool:
        """Say whether the rule speaks of this pod."""
        meta = pod["metadata"]
        if self.owner_kind and (controller_of(pod) or {}).get("kind") != self.owner_kind:
            return False
        noted = meta.get("annotations") or {}
        if any(noted.get(name) != value for name, value in self.annotations.items()):
            return False
        return self.selector is EVERYTHING or self.selector.matches(meta.get("labels") or {})


RULES: tuple[Rule, ...] = (
    Rule(name="jobs end", owner_kind="Job", run_seconds=1.0),
    Rule(name="all others run", start_seconds=0.0),
)


def rule_for(pod: Object, rules: Sequence[Rule]) -> Rule:
    """Return how this pod lives: its rule with its own annotations applied."""
    found = next((rule for rule in rules if rule.matches(pod)), Rule(name="no rule"))
    noted = pod["metadata"].get("annotations")
    if not noted or not any(name.startswith(PREFIX) for name in noted):
        return found
    return _overridden(found, noted)


def _overridden(rule: Rule, noted: Mapping[str, str]) -> Rule:
    start = _seconds(noted.get(f"{PREFIX}start-seconds"))
    run = _seconds(noted.get(f"{PREFIX}run-seconds"))
    stop = _seconds(noted.get(f"{PREFIX}stop-seconds"))
    code = _seconds(noted.get(f"{PREFIX}exit-code"))
    if run is None:
        run = 0.0 if code is not None and rule.run_seconds is None else rule.run_seconds
    return replace(
        rule,
        start_seconds=rule.start_seconds if start is None else start,
        run_seconds=run,
        exit_code=rule.exit_code if code is None else int(code),
        fail=noted.get(f"{PREFIX}fail") or rule.fail,
        stop_seconds=rule.stop_seconds if stop is None else stop,
    )


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0.0 <= value < float("inf") else None
