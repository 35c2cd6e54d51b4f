"""The default profile: which plug-ins run, in which order, with which weight.

The order is upstream's and is law for filters: a node counts under the first reason that rules it
out. DefaultPreemption is `scheduler.preemption`; it runs when the filters leave no node.

What upstream does and this profile does not: NodeVolumeLimits (CSI attach limits do not count);
VolumeBinding binds no claim of a class that waits for its first consumer, such pods wait;
VolumeRestrictions checks ReadWriteOncePod only; DynamicResources allocates no device, pods with
resource claims wait; NodeAffinity does not narrow the nodes before the filters run; GangScheduling
and NodeDeclaredFeatures.
"""

from pinnace.scheduler.plugins.base import Filter, PreFilter, Score
from pinnace.scheduler.plugins.dynamic_resources import DynamicResources
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
from pinnace.scheduler.plugins.volume_binding import VolumeBinding
from pinnace.scheduler.plugins.volume_restrictions import VolumeRestrictions
from pinnace.scheduler.plugins.volume_zone import VolumeZone

PREFILTERS: tuple[PreFilter, ...] = (
    VolumeRestrictions(),
    VolumeBinding(),
)

FILTERS: tuple[Filter, ...] = (
    NodeUnschedulable(),
    NodeName(),
    TaintToleration(),
    NodeAffinity(),
    NodePorts(),
    NodeResourcesFit(),
    VolumeRestrictions(),
    VolumeBinding(),
    VolumeZone(),
    PodTopologySpread(),
    InterPodAffinity(),
    DynamicResources(),
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
