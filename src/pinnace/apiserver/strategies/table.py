"""Which strategy a resource has; a row that is not listed gets what its status subresource says."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from pinnace.api.custom.kind import CustomKind
from pinnace.api.resources import Resource
from pinnace.apiserver.strategies.admission import Admission
from pinnace.apiserver.strategies.base import ALL_METADATA, META_FIELDS, ORPHAN, Path, Strategy
from pinnace.apiserver.strategies.certificates import CertificateRequests, SigningRequests
from pinnace.apiserver.strategies.core import (
    Events,
    Namespaces,
    Nodes,
    PersistentVolumeClaims,
    PersistentVolumes,
    Secrets,
    ServiceAccounts,
)
from pinnace.apiserver.strategies.custom import CustomResources
from pinnace.apiserver.strategies.devices import Claims, Slices, TaintRules
from pinnace.apiserver.strategies.discovery import EndpointSlices, Ingresses
from pinnace.apiserver.strategies.flowcontrol import FlowControl
from pinnace.apiserver.strategies.leases import Leases
from pinnace.apiserver.strategies.pods import Pods
from pinnace.apiserver.strategies.registration import ApiServices, Definitions
from pinnace.apiserver.strategies.services import Services
from pinnace.apiserver.strategies.storage import CsiCapacities, CsiDrivers, StorageClasses
from pinnace.apiserver.strategies.workloads import (
    DaemonSets,
    Deployments,
    Jobs,
    Replicas,
    StatefulSets,
    Workloads,
)

NAME_ONLY = ("metadata.name",)
SPEC = ("spec",)


def _fields(*labels: str) -> dict[str, Path]:
    return {label: tuple(label.split(".")) for label in labels}


PODS = Pods(
    status=True,
    spec_type="core.PodSpec",
    counted=SPEC,
    status_keeps_metadata=("ownerReferences", "generation", "deletionTimestamp"),
    selectable=_fields(
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
        "status.nominatedNodeName",
    ),
)  # fmt: skip
EVENT_FIELDS = _fields(
    "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
    "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
    "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
)  # fmt: skip
COUNTED = Strategy(counted=SPEC)
CREATED_BY_PUT = Strategy(allow_create_on_update=True)
CONDITIONAL = Strategy(allow_unconditional_update=False)
LEASES = Strategy(allow_create_on_update=True, allow_unconditional_update=False)
NOT_ENFORCED = "this version of Pinnace stores NetworkPolicies and does not enforce them"
NOT_GROUPED = "this version of Pinnace stores this kind and schedules Pods one by one"
WEBHOOKS = Admission(counted=("webhooks",), allow_unconditional_update=False)
POLICIES = Admission(
    status=True,
    counted=SPEC,
    allow_unconditional_update=False,
    status_keeps_metadata=ALL_METADATA,
)
BINDINGS = Admission(counted=SPEC, allow_unconditional_update=False)
FLOWS = FlowControl(status=True, counted=SPEC)
STRICT_STATUS = Strategy(status=True, status_keeps_metadata=ALL_METADATA)
STRICT_STATUS_CONDITIONAL = Strategy(
    status=True, status_keeps_metadata=ALL_METADATA, allow_unconditional_update=False
)

STRATEGIES: Mapping[tuple[str, str], Strategy] = MappingProxyType(
    {
        ("", "endpoints"): CREATED_BY_PUT,
        ("", "events"): Events(allow_create_on_update=True, selectable=EVENT_FIELDS),
        ("", "limitranges"): CREATED_BY_PUT,
        ("", "namespaces"): Namespaces(
            status=True, selectable=_fields("status.phase"), meta_labels=NAME_ONLY
        ),
        ("", "nodes"): Nodes(
            status=True,
            status_on_create=True,
            selectable=_fields("spec.unschedulable"),
            meta_labels=NAME_ONLY,
        ),
        ("", "persistentvolumeclaims"): PersistentVolumeClaims(status=True),
        ("", "persistentvolumes"): PersistentVolumes(status=True),
        ("", "pods"): PODS,
        ("", "podtemplates"): Workloads(
            counted=("template",),
            template=("template",),
            names_pods=False,
            spec_type="core.PodTemplateSpec",
        ),
        ("", "replicationcontrollers"): Replicas(
            status=True,
            counted=SPEC,
            propagation=ORPHAN,
            selectable=_fields("status.replicas"),
            spec_type="core.ReplicationControllerSpec",
        ),
        ("", "secrets"): Secrets(selectable=_fields("type")),
        ("", "serviceaccounts"): ServiceAccounts(),
        ("", "services"): Services(
            status=True,
            allow_create_on_update=True,
            selectable=_fields("spec.clusterIP", "spec.type"),
        ),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): BINDINGS,
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): BINDINGS,
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): WEBHOOKS,
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"): POLICIES,
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): BINDINGS,
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): WEBHOOKS,
        ("apiextensions.k8s.io", "customresourcedefinitions"): Definitions(
            status=True,
            counted=SPEC,
            allow_unconditional_update=False,
        ),
        ("apiregistration.k8s.io", "apiservices"): ApiServices(
            status=True, allow_unconditional_update=False
        ),
        ("apps", "daemonsets"): DaemonSets(
            status=True, counted=SPEC, names_pods=False, spec_type="apps.DaemonSetSpec"
        ),
        ("apps", "deployments"): Deployments(
            status=True,
            counted=SPEC,
            spec_type="apps.DeploymentSpec",
            status_keeps_metadata=("labels",),
        ),
        ("apps", "replicasets"): Workloads(
            status=True, counted=SPEC, spec_type="apps.ReplicaSetSpec"
        ),
        ("apps", "statefulsets"): StatefulSets(
            status=True, counted=SPEC, names_pods=False, spec_type="apps.StatefulSetSpec"
        ),
        ("batch", "cronjobs"): Workloads(
            status=True,
            counted=SPEC,
            template=("spec", "jobTemplate", "spec", "template"),
            spec_type="batch.CronJobSpec",
        ),
        ("batch", "jobs"): Jobs(
            status=True,
            spec_type="batch.JobSpec",
            counted=SPEC,
            propagation=ORPHAN,
            selectable=_fields("status.successful"),
            label_error='field label "{label}" not supported for Job',
        ),
        ("certificates.k8s.io", "certificatesigningrequests"): SigningRequests(
            status=True, selectable=_fields("spec.signerName"), meta_labels=NAME_ONLY
        ),
        ("certificates.k8s.io", "clustertrustbundles"): Strategy(
            allow_unconditional_update=False,
            selectable=_fields("spec.signerName"),
            meta_labels=NAME_ONLY,
        ),
        ("certificates.k8s.io", "podcertificaterequests"): CertificateRequests(
            status=True,
            allow_unconditional_update=False,
            status_keeps_metadata=ALL_METADATA,
            selectable=_fields("spec.signerName", "spec.podName", "spec.nodeName"),
            meta_labels=NAME_ONLY,
        ),
        ("coordination.k8s.io", "leasecandidates"): LEASES,
        ("coordination.k8s.io", "leases"): Leases(
            allow_create_on_update=True, allow_unconditional_update=False
        ),
        ("discovery.k8s.io", "endpointslices"): EndpointSlices(counted=SPEC),
        ("events.k8s.io", "events"): Events(
            allow_create_on_update=True, selectable=EVENT_FIELDS, modern=True
        ),
        ("flowcontrol.apiserver.k8s.io", "flowschemas"): FLOWS,
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): FLOWS,
        ("internal.apiserver.k8s.io", "storageversions"): STRICT_STATUS_CONDITIONAL,
        ("networking.k8s.io", "ingressclasses"): COUNTED,
        ("networking.k8s.io", "ingresses"): Ingresses(status=True, counted=SPEC),
        ("networking.k8s.io", "networkpolicies"): Strategy(
            counted=SPEC, without_effect=NOT_ENFORCED
        ),
        ("networking.k8s.io", "servicecidrs"): STRICT_STATUS,
        ("node.k8s.io", "runtimeclasses"): LEASES,
        ("policy", "poddisruptionbudgets"): Strategy(
            status=True, counted=SPEC, allow_unconditional_update=False
        ),
        ("rbac.authorization.k8s.io", "clusterrolebindings"): CREATED_BY_PUT,
        ("rbac.authorization.k8s.io", "clusterroles"): CREATED_BY_PUT,
        ("rbac.authorization.k8s.io", "rolebindings"): CREATED_BY_PUT,
        ("rbac.authorization.k8s.io", "roles"): CREATED_BY_PUT,
        ("resource.k8s.io", "deviceclasses"): COUNTED,
        ("resource.k8s.io", "devicetaintrules"): TaintRules(
            status=True, counted=SPEC, status_keeps_metadata=ALL_METADATA
        ),
        ("resource.k8s.io", "resourceclaims"): Claims(
            status=True, status_keeps_metadata=ALL_METADATA
        ),
        ("resource.k8s.io", "resourcepoolstatusrequests"): STRICT_STATUS_CONDITIONAL,
        ("resource.k8s.io", "resourceslices"): Slices(
            counted=SPEC,
            selectable=_fields("spec.nodeName", "spec.driver"),
            meta_labels=NAME_ONLY,
            label_error=(
                "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {label}"
            ),
        ),
        # Never counted: its value cannot change.
        ("scheduling.k8s.io", "priorityclasses"): Strategy(counted=("value",)),
        ("scheduling.k8s.io", "podgroups"): Strategy(
            status=True, status_keeps_metadata=ALL_METADATA, without_effect=NOT_GROUPED
        ),
        ("scheduling.k8s.io", "workloads"): Strategy(without_effect=NOT_GROUPED),
        ("storage.k8s.io", "csidrivers"): CsiDrivers(
            counted=SPEC, first_generation=0, allow_unconditional_update=False
        ),
        ("storage.k8s.io", "csinodes"): CONDITIONAL,
        ("storage.k8s.io", "csistoragecapacities"): CsiCapacities(allow_unconditional_update=False),
        ("storage.k8s.io", "storageclasses"): StorageClasses(),
        ("storage.k8s.io", "volumeattachments"): STRICT_STATUS_CONDITIONAL,
        ("storagemigration.k8s.io", "storageversionmigrations"): STRICT_STATUS_CONDITIONAL,
    }
)
_WITH_STATUS = Strategy(status=True)
_PLAIN = Strategy()


def strategy_for(row: Resource) -> Strategy:
    """Return how objects of this row are prepared, selected and deleted.

    A custom resource gets the answer of its definition.
    """
    if row.custom is not None:
        return _custom(row.custom, row.namespaced)
    key = (row.group, row.plural)
    found = STRATEGIES.get(key)
    if found is not None:
        return found
    return _PLAIN if row.subresource("status") is None else _WITH_STATUS


@lru_cache(maxsize=8192)
def _custom(custom: CustomKind, namespaced: bool) -> Strategy:
    return CustomResources(
        custom=custom,
        status=custom.has_status,
        allow_unconditional_update=False,
        meta_labels=META_FIELDS if namespaced else NAME_ONLY,
    )
