"""Every controller, by upstream's name.

Of upstream's, these are not here yet:
podcertificaterequest-cleaner-controller, ttl-controller,
device-taint-eviction-controller,
persistentvolume-attach-detach-controller, persistentvolume-expander-controller,
podgroup-protection-controller, kube-apiserver-serving-clustertrustbundle-publisher-controller,
storageversion-garbage-collector-controller, resourceclaim-controller,
resourcepoolstatusrequest-controller, legacy-serviceaccount-token-cleaner-controller,
storage-version-migrator-controller, selinux-warning-controller.
"""

from pinnace.controllers.base import Controller
from pinnace.controllers.bootstrap_signer import BOOTSTRAP_SIGNER
from pinnace.controllers.clusterrole_aggregation import CLUSTERROLE_AGGREGATION
from pinnace.controllers.cronjob import CRONJOB
from pinnace.controllers.csr_approving import CSR_APPROVING
from pinnace.controllers.csr_cleaner import CSR_CLEANER
from pinnace.controllers.csr_signing import CSR_SIGNING
from pinnace.controllers.daemonset import DAEMONSET
from pinnace.controllers.deployment import DEPLOYMENT
from pinnace.controllers.disruption import DISRUPTION
from pinnace.controllers.endpoints import ENDPOINTS_CONTROLLER
from pinnace.controllers.endpointslice import ENDPOINTSLICE
from pinnace.controllers.endpointslice_mirroring import ENDPOINTSLICE_MIRRORING
from pinnace.controllers.ephemeral_volume import EPHEMERAL_VOLUME
from pinnace.controllers.garbage_collector import GARBAGE_COLLECTOR
from pinnace.controllers.horizontal_pod_autoscaler import HORIZONTAL_POD_AUTOSCALER
from pinnace.controllers.job import JOB
from pinnace.controllers.namespace import NAMESPACE
from pinnace.controllers.node_ipam import NODE_IPAM
from pinnace.controllers.node_lifecycle import NODE_LIFECYCLE
from pinnace.controllers.persistentvolume_binder import PERSISTENTVOLUME_BINDER
from pinnace.controllers.pod_gc import POD_GC
from pinnace.controllers.replicaset import REPLICASET
from pinnace.controllers.replicationcontroller import REPLICATIONCONTROLLER
from pinnace.controllers.resource_quota import RESOURCE_QUOTA
from pinnace.controllers.root_ca_publisher import ROOT_CA_PUBLISHER
from pinnace.controllers.service_account import SERVICE_ACCOUNT
from pinnace.controllers.service_cidr import SERVICE_CIDR
from pinnace.controllers.serviceaccount_token import SERVICEACCOUNT_TOKEN
from pinnace.controllers.statefulset import STATEFULSET
from pinnace.controllers.taint_eviction import TAINT_EVICTION
from pinnace.controllers.token_cleaner import TOKEN_CLEANER
from pinnace.controllers.ttl_after_finished import TTL_AFTER_FINISHED
from pinnace.controllers.validatingadmissionpolicy_status import (
    VALIDATINGADMISSIONPOLICY_STATUS,
)
from pinnace.controllers.volume_protection import (
    PERSISTENTVOLUME_PROTECTION,
    PERSISTENTVOLUMECLAIM_PROTECTION,
    VOLUMEATTRIBUTESCLASS_PROTECTION,
)

CONTROLLERS: tuple[Controller, ...] = (
    ENDPOINTS_CONTROLLER,
    ENDPOINTSLICE,
    ENDPOINTSLICE_MIRRORING,
    NAMESPACE,
    GARBAGE_COLLECTOR,
    SERVICE_ACCOUNT,
    SERVICEACCOUNT_TOKEN,
    ROOT_CA_PUBLISHER,
    REPLICATIONCONTROLLER,
    DAEMONSET,
    JOB,
    DEPLOYMENT,
    REPLICASET,
    HORIZONTAL_POD_AUTOSCALER,
    DISRUPTION,
    STATEFULSET,
    CRONJOB,
    CSR_SIGNING,
    CSR_CLEANER,
    CSR_APPROVING,
    BOOTSTRAP_SIGNER,
    TOKEN_CLEANER,
    CLUSTERROLE_AGGREGATION,
    TTL_AFTER_FINISHED,
    RESOURCE_QUOTA,
    POD_GC,
    NODE_IPAM,
    NODE_LIFECYCLE,
    TAINT_EVICTION,
    PERSISTENTVOLUME_BINDER,
    PERSISTENTVOLUMECLAIM_PROTECTION,
    PERSISTENTVOLUME_PROTECTION,
    VOLUMEATTRIBUTESCLASS_PROTECTION,
    EPHEMERAL_VOLUME,
    SERVICE_CIDR,
    VALIDATINGADMISSIONPOLICY_STATUS,
)
