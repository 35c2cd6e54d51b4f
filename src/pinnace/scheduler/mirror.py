"""Keeps the columns like the cluster: what informers tell, and what was decided meanwhile."""

from collections.abc import Callable, Iterable

from pinnace.api.objects import Object
from pinnace.api.pods import is_terminal
from pinnace.api.selectors import LabelSelector
from pinnace.scheduler.columns import Columns
from pinnace.scheduler.plugins.base import NoStorage, State, Storage
from pinnace.scheduler.podinfo import PodInfo, pod_info
from pinnace.scheduler.queue import SchedulingQueue
from pinnace.scheduler.terms import Terms


class Mirror:
    """The scheduler's own picture. `now` reads the clock's monotonic time."""

    def __init__(
        self,
        *,
        scheduler_name: str,
        now: Callable[[], float],
        namespaces_matching: Callable[[LabelSelector], Iterable[str]],
        storage: Storage | None = None,
    ) -> None:
        self._scheduler_name = scheduler_name
        self._now = now
        columns = Columns()
        self.state = State(columns, Terms(columns, namespaces_matching), storage or NoStorage())
        self.queue = SchedulingQueue()
        # Pods whose node is not known (yet): they count as soon as it comes.
        self._homeless: dict[str, dict[str, PodInfo]] = {}

    def node_changed(self, old: Object | None, new: Object | None) -> None:
        """Take over a node's coming, change or going."""
        columns = self.state.columns
        if new is None:
            if old is not None:
                self._forget_node(old["metadata"]["name"])
            return
        columns.set_node(new)
        name = new["metadata"]["name"]
        for info in self._homeless.pop(name, {}).values():
            self._place(info, name)
        if old is None or _matters(old, new):
            self.queue.wake(self._now())

    def _forget_node(self, name: str) -> None:
        columns = self.state.columns
        row = columns.index.get(name)
        for placed in [placed for placed in columns.placed.values() if placed.row == row]:
            self._unplace(placed.info.uid)
            self._homeless.setdefault(name, {})[placed.info.uid] = placed.info
        columns.remove_node(name)

    def pod_changed(self, old: Object | None, new: Object | None) -> None:
        """Take over a pod's coming, change or going."""
        if new is None:
            if old is not None:
                self._pod_gone(old["metadata"].get("uid", ""))
            return
        uid = new["metadata"].get("uid", "")
        if is_terminal(new):
            self._pod_gone(uid)
            return
        node = new["spec"].get("nodeName")
        if node:
            self.queue.remove(uid)
            self.state.nominated.pop(uid, None)
            if uid not in self.state.columns.placed or old is None or _moved(old, new):
                self._place(pod_info(new), node)
        elif self._is_ours(new):
            info = pod_info(new)
            self._read_nomination(info, old)
            self.queue.add(info, self._now())
        else:
            self.queue.remove(uid)
            self.state.nominated.pop(uid, None)

    def _read_nomination(self, info: PodInfo, old: Object | None) -> None:
        node = (info.pod.get("status") or {}).get("nominatedNodeName")
        if node:
            self.state.nominated[info.uid] = (info, node)
        elif old is not None and (old.get("status") or {}).get("nominatedNodeName"):
            self.state.nominated.pop(info.uid, None)
        # Otherwise this may be an event from before our own nomination: that one stays.

    def nominate(self, info: PodInfo, node: str) -> None:
        """Keep a node for a pod for which others are evicted there; an empty name gives it up."""
        if node:
            self.state.nominated[info.uid] = (info, node)
        else:
            self.state.nominated.pop(info.uid, None)

    def _is_ours(self, pod: Object) -> bool:
        spec = pod["spec"]
        return (
            spec.get("schedulerName", "default-scheduler") == self._scheduler_name
            and not spec.get("schedulingGates")
            and "deletionTimestamp" not in pod["metadata"]
        )

    def _pod_gone(self, uid: str) -> None:
        self.queue.remove(uid)
        self.state.nominated.pop(uid, None)
        for pods in self._homeless.values():
            pods.pop(uid, None)
        if self._unplace(uid):
            self.queue.wake(self._now())

    def _place(self, info: PodInfo, node: str) -> None:
        self._unplace(info.uid)
        placed = self.state.columns.add_pod(info, node)
        if placed is None:
            self._homeless.setdefault(node, {})[info.uid] = info
        else:
            self.state.terms.add(placed)

    def _unplace(self, uid: str) -> bool:
        placed = self.state.columns.remove_pod(uid)
        if placed is not None:
            self.state.terms.remove(placed)
        return placed is not None

    def assume(self, info: PodInfo, node: str) -> None:
        """Count a pod on the node that was chosen, before the API server says so."""
        self._place(info, node)

    def forget(self, info: PodInfo) -> None:
        """Take an assumed pod away again: it could not be bound."""
        if self._unplace(info.uid):
            self.queue.wake(self._now())

    def namespace_changed(self) -> None:
        """Take over that some namespace's labels may differ."""
        self.state.terms.namespaces_changed()


def _moved(old: Object, new: Object) -> bool:
    """Say whether anything that is counted differs (most updates are of the status only)."""
    return bool(
        old["spec"] != new["spec"] or old["metadata"].get("labels") != new["metadata"].get("labels")
    )


def _matters(old: Object, new: Object) -> bool:
    """Say whether a pod that found no node may find this one now."""
    before, after = old.get("status") or {}, new.get("status") or {}
    return bool(
        old["spec"] != new["spec"]
        or old["metadata"].get("labels") != new["metadata"].get("labels")
        or before.get("allocatable") != after.get("allocatable")
    )
