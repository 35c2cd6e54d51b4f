"""Every controller, by upstream's name."""

from pinnace.controllers.base import Controller
from pinnace.controllers.daemonset import DAEMONSET
from pinnace.controllers.deployment import DEPLOYMENT
from pinnace.controllers.endpoints import ENDPOINTS_CONTROLLER
from pinnace.controllers.endpointslice import ENDPOINTSLICE
from pinnace.controllers.garbage_collector import GARBAGE_COLLECTOR
from pinnace.controllers.job import JOB
from pinnace.controllers.namespace import NAMESPACE
from pinnace.controllers.node_ipam import NODE_IPAM
from pinnace.controllers.node_lifecycle import NODE_LIFECYCLE
from pinnace.controllers.pod_gc import POD_GC
from pinnace.controllers.replicaset import REPLICASET
from pinnace.controllers.replicationcontroller import REPLICATIONCONTROLLER
from pinnace.controllers.root_ca_publisher import ROOT_CA_PUBLISHER
from pinnace.controllers.service_account import SERVICE_ACCOUNT
from pinnace.controllers.statefulset import STATEFULSET
from pinnace.controllers.taint_eviction import TAINT_EVICTION
from pinnace.controllers.ttl_after_finished import TTL_AFTER_FINISHED

CONTROLLERS: tuple[Controller, ...] = (
    ENDPOINTS_CONTROLLER,
    ENDPOINTSLICE,
    NAMESPACE,
    GARBAGE_COLLECTOR,
    SERVICE_ACCOUNT,
    ROOT_CA_PUBLISHER,
    REPLICATIONCONTROLLER,
    DAEMONSET,
    JOB,
    DEPLOYMENT,
    REPLICASET,
    STATEFULSET,
    TTL_AFTER_FINISHED,
    POD_GC,
    NODE_IPAM,
    NODE_LIFECYCLE,
    TAINT_EVICTION,
)
