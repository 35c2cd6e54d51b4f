"""ReplicationControllers: the older form of ReplicaSets, with a map for a selector."""

from pinnace.api.kinds.core import PODS, REPLICATIONCONTROLLERS
from pinnace.api.objects import Object
from pinnace.api.selectors import LabelSelector, label_selector_from_labels
from pinnace.controllers.base import Controller
from pinnace.controllers.shared.claims import route_to_owner
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.replicas import ReplicaManager


def selector(obj: Object) -> LabelSelector:
    """Return which Pods a ReplicationController wants."""
    return label_selector_from_labels(obj["spec"].get("selector"))


MANAGER = ReplicaManager(row=REPLICATIONCONTROLLERS, selector=selector, counts_terminating=False)

REPLICATIONCONTROLLER = Controller(
    name="replicationcontroller-controller",
    account="replication-controller",
    on=REPLICATIONCONTROLLERS,
    reconcile=MANAGER.reconcile,
    also=((PODS, route_to_owner(REPLICATIONCONTROLLERS, selector)),),
    prepare=lambda ctx: Pending(ctx.clock),
    component="replication-controller",
)
