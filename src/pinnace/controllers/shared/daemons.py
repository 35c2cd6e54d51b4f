"""On which nodes a DaemonSet's Pods are to be, and how they are rolled: the deciding half."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pinnace.api.nodeaffinity import fits_node
from pinnace.api.objects import Object, copied
from pinnace.api.pods import is_terminal
from pinnace.api.taints import is_tolerated
from pinnace.controllers.shared import pods
from pinnace.controllers.shared.intstr import scaled
from pinnace.controllers.shared.taints import NOT_READY, UNREACHABLE

HASH = "controller-revision-hash"
GENERATION = "pod-template-generation"
_GENERATION_OF = "deprecated.daemonset.template.generation"
_NO_SCHEDULE = ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


def tolerations(spec: Object) -> list[Object]:
    """Return the Pod's tolerations and those that every daemon has."""
    wanted = [
        {"key": key, "operator": "Exists", "effect": "NoExecute"}
        for key in (NOT_READY, UNREACHABLE)
    ]
    names = (*_NO_SCHEDULE, *(("network-unavailable",) if spec.get("hostNetwork") else ()))
    wanted += [
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoSchedule"}
        for name in names
    ]
    known = [_unlimited(entry, wanted) for entry in spec.get("tolerations") or ()]
    return known + [entry for entry in wanted if entry not in known]


def _unlimited(entry: Object, wanted: Sequence[Object]) -> Object:
    """Return a toleration without its time limit if it is one that every daemon has for ever."""
    for_ever = {name: value for name, value in entry.items() if name != "tolerationSeconds"}
    return for_ever if for_ever in wanted else entry


def belongs(owner: Object, node: Object) -> tuple[bool, bool]:
    """Whether a daemon is to run on a node, and whether one that runs there may stay."""
    spec = owner["spec"]["template"]["spec"]
    if spec.get("nodeName") not in (None, "", node["metadata"]["name"]) or not fits_node(
        spec, node
    ):
        return False, False
    accepted = tolerations(spec)
    refused = [
        taint["effect"]
        for taint in (node.get("spec") or {}).get("taints") or ()
        if taint["effect"] in ("NoSchedule", "NoExecute") and not is_tolerated(taint, accepted)
    ]
    return not refused, "NoExecute" not in refused


def target_node(pod: Object) -> str:
    """Return the node that a daemon runs on or is made for."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for one in term.get("matchFields") or ():
            if one["key"] == "metadata.name" and one["operator"] == "In" and one["values"]:
                return str(one["values"][0])
    return ""


def generation(owner: Object) -> str:
    """Return which template this is by the old count, empty if it is not counted."""
    told = str((owner["metadata"].get("annotations") or {}).get(_GENERATION_OF, ""))
    return told if told.isdigit() else ""


def new_pod(pod: Object, node: str, digest: str, count: str) -> Object:
    """Bind a Pod made from the template to its node, by affinity: the scheduler does the rest."""
    spec = pod["spec"]
    spec["tolerations"] = tolerations(spec)
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
    meta = pod["metadata"]
    counted = {GENERATION: count} if count else {}
    meta["labels"] = {**(meta.get("labels") or {}), **counted, HASH: digest}
    return pod


def is_current(pod: Object, view: "View") -> bool:
    """Whether the Pod was made from the current template, by its hash or by the old count."""
    labels = pod["metadata"].get("labels") or {}
    count = generation(view.owner)
    return bool(labels.get(HASH) == view.digest or (count and labels.get(GENERATION) == count))


def by_node(found: Iterable[Object]) -> dict[str, list[Object]]:
    """Sort daemons by node, the one that counts first: bound before unbound, then the oldest."""
    result: dict[str, list[Object]] = {}
    for pod in found:
        if is_terminal(pod) and "deletionTimestamp" in pod["metadata"]:
            continue
        result.setdefault(target_node(pod), []).append(pod)
    for entries in result.values():
        entries.sort(
            key=lambda pod: (
                not pod["spec"].get("nodeName"),
                pod["metadata"]["creationTimestamp"],
                pod["metadata"]["name"],
            )
        )
    return result


@dataclass(slots=True)
class Plan:
    """On which nodes to make daemons, which to delete, and which of those have ended."""

    create: list[str] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    ended: list[Object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class View:
    """A DaemonSet, the nodes, and its Pods on them."""

    owner: Object
    nodes: Mapping[str, Object]
    daemons: Mapping[str, Sequence[Object]]
    digest: str
    now: datetime

    def is_available(self, pod: Object) -> bool:
        """Whether the daemon has been ready for long enough."""
        return pods.is_available(pod, self.owner["spec"].get("minReadySeconds") or 0, self.now)

    def surge_and_unavailable(self) -> tuple[int, int]:
        """Return how many nodes may have two daemons, and how many none."""
        wanted = sum(belongs(self.owner, node)[0] for node in self.nodes.values())
        strategy = self.owner["spec"].get("updateStrategy") or {}
        rolling = strategy.get("rollingUpdate") or {}
        surge = scaled(rolling.get("maxSurge"), wanted, round_up=True)
        missing = scaled(rolling.get("maxUnavailable", 1), wanted, round_up=True)
        return (surge, missing) if surge or missing else (0, 1)


def place(view: View) -> Plan:
    """Return what to do so that each node has the daemons that it should, whatever revision."""
    plan = Plan()
    surge, _ = view.surge_and_unavailable()
    for name, node in view.nodes.items():
        should_run, may_stay = belongs(view.owner, node)
        mine = view.daemons.get(name, ())
        if should_run and not mine:
            plan.create.append(name)
        elif may_stay:
            _thin_out(plan, view, name, mine, should_run=should_run, surge=surge > 0)
        else:
            plan.delete += [pod for pod in mine if "deletionTimestamp" not in pod["metadata"]]
    # Daemons that wait for a node which is gone; those that run there are the Pod GC's.
    for name, mine in view.daemons.items():
        if name not in view.nodes:
            plan.delete += [
                pod
                for pod in mine
                if not pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]
            ]
    return plan


def _thin_out(
    plan: Plan,
    view: View,
    name: str,
    mine: Sequence[Object],
    *,
    should_run: bool,
    surge: bool,
) -> None:
    """Take away daemons that have ended, and all but one of those that run."""
    staying = [pod for pod in mine if "deletionTimestamp" not in pod["metadata"]]
    ended = [pod for pod in staying if is_terminal(pod)]
    running = [pod for pod in staying if not is_terminal(pod)]
    plan.ended += ended
    if not surge:
        plan.delete += running[1:]
        return
    if not running and should_run:
        plan.create.append(name)
    new = [pod for pod in running if is_current(pod, view)]
    old = [pod for pod in running if not is_current(pod, view)]
    plan.delete += [*new[1:], *old[1:]]
    if new and old and (not pods.is_ready(old[0]) or view.is_available(new[0])):
        plan.delete.append(old[0])


def roll(view: View) -> Plan:
    """Return the next step of replacing daemons of an old revision."""
    surge, missing = view.surge_and_unavailable()
    return _roll_with_surge(view, surge) if surge else _roll_in_place(view, missing)


def _pair(view: View, mine: Sequence[Object]) -> tuple[list[Object], list[Object]]:
    staying = [pod for pod in mine if "deletionTimestamp" not in pod["metadata"]]
    new = [pod for pod in staying if is_current(pod, view)]
    return new, [pod for pod in staying if not is_current(pod, view)]


def _roll_in_place(view: View, missing: int) -> Plan:
    plan, candidates, unavailable = Plan(), [], 0
    for mine in view.daemons.values():
        new, old = _pair(view, mine)
        if len(new) + len(old) != 1:
            unavailable += 1
        elif new:
            unavailable += not view.is_available(new[0])
        elif not view.is_available(old[0]):
            # Already down: replacing it costs nothing.
            unavailable += 1
            plan.delete.append(old[0])
        else:
            candidates.append(old[0])
    plan.delete += candidates[: max(missing - unavailable, 0)]
    return plan


def _roll_with_surge(view: View, surge: int) -> Plan:
    plan, candidates, surging = Plan(), [], 0
    unwanted: list[Object] = []
    available = 0
    for name, mine in view.daemons.items():
        new, old = _pair(view, mine)
        if len(new) > 1 or len(old) > 1:
            surging += 1
            continue
        available += any(view.is_available(pod) for pod in (old or new)[:1])
        if not old or name not in view.nodes:
            continue
        up = view.is_available(old[0])
        if new and view.is_available(new[0]):
            plan.delete.append(old[0])
        elif new:
            surging += 1
        elif not belongs(view.owner, view.nodes[name])[0]:
            (unwanted if up else plan.delete).append(old[0])
        elif not up:
            plan.create.append(name)
        else:
            candidates.append(name)
    plan.create += candidates[: max(surge - surging, 0)]
    # What serves where it should not goes only when there is enough without it.
    wanted = sum(belongs(view.owner, node)[0] for node in view.nodes.values())
    plan.delete += unwanted[: max(available - wanted, 0)]
    return plan


def status(view: View) -> Object:
    """Return the numbers of a DaemonSet's status."""
    count = dict.fromkeys(("desired", "current", "miss", "ready", "updated", "available"), 0)
    for name, node in view.nodes.items():
        mine = view.daemons.get(name, ())
        if not belongs(view.owner, node)[0]:
            count["miss"] += bool(mine)
            continue
        count["desired"] += 1
        if not mine:
            continue
        count["current"] += 1
        count["ready"] += pods.is_ready(mine[0])
        count["available"] += view.is_available(mine[0])
        count["updated"] += is_current(mine[0], view)
    old = view.owner.get("status") or {}
    found = {
        "currentNumberScheduled": count["current"],
        "numberMisscheduled": count["miss"],
        "desiredNumberScheduled": count["desired"],
        "numberReady": count["ready"],
        "observedGeneration": view.owner["metadata"].get("generation"),
        "updatedNumberScheduled": count["updated"],
        "numberAvailable": count["available"],
        "numberUnavailable": count["desired"] - count["available"],
        "collisionCount": old.get("collisionCount"),
    }
    optional = ("updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount")
    result = {n: value for n, value in found.items() if value or n not in optional}
    return copied({**result, **({"conditions": old["conditions"]} if "conditions" in old else {})})
