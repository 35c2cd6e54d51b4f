"""ReplicaSets: a number of equal Pods."""

from pinnace.api.kinds.apps import REPLICASETS
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.controllers.base import Controller
from pinnace.controllers.shared.claims import route_to_owner
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.replicas import ReplicaManager


def selector(obj: Object) -> LabelSelector:
    """Return which Pods a ReplicaSet wants."""
    return label_selector_from_object(obj["spec"].get("selector"))


MANAGER = ReplicaManager(row=REPLICASETS, selector=selector, counts_terminating=True)

REPLICASET = Controller(
    name="replicaset-controller",
    on=REPLICASETS,
    reconcile=MANAGER.reconcile,
    also=((PODS, route_to_owner(REPLICASETS, selector)),),
    prepare=lambda ctx: Pending(ctx.clock),
)
