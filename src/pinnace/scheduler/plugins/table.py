"""The default profile: which plug-ins run, in which order, with which weight.

The order is upstream's and is law for filters: a node counts under the first reason that rules it
out. Upstream's VolumeRestrictions, NodeVolumeLimits, VolumeBinding, VolumeZone, DynamicResources
and DefaultPreemption are not here yet: volumes and device claims do not steer placement, and no
pod is evicted for one of higher priority.
"""

from pinnace.scheduler.plugins.base import Filter, Score
from pinnace.scheduler.plugins.image_locality import ImageLocality
from pinnace.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from pinnace.scheduler.plugins.node_affinity import NodeAffinity
from pinnace.scheduler.plugins.node_name import NodeName
from pinnace.scheduler.plugins.node_ports import NodePorts
from pinnace.scheduler.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from pinnace.scheduler.plugins.node_resources_fit import NodeResourcesFit
from pinnace.scheduler.plugins.node_unschedulable import NodeUnschedulable
from pinnace.scheduler.plugins.pod_topology_spread import PodTopologySpread
from pinnace.scheduler.plugins.taint_toleration import TaintToleration

FILTERS: tuple[Filter, ...] = (
    NodeUnschedulable(),
    NodeName(),
    TaintToleration(),
    NodeAffinity(),
    NodePorts(),
    NodeResourcesFit(),
    PodTopologySpread(),
    InterPodAffinity(),
)

SCORES: tuple[tuple[Score, int], ...] = (
    (TaintToleration(), 3),
    (NodeAffinity(), 2),
    (NodeResourcesFit(), 1),
    (PodTopologySpread(), 2),
    (InterPodAffinity(), 2),
    (NodeResourcesBalancedAllocation(), 1),
    (ImageLocality(), 1),
)
