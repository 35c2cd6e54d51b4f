"""Every printer by group and resource, and the Table that clients ask for."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.printers import (
    access,
    autoscaling,
    config,
    devices,
    event,
    extension,
    metrics,
    network,
    node,
    pod,
    scheduling,
    storage,
    workloads,
)
from pinnace.apiserver.printers.base import NAME, Column, Printer, dig, name_of
from pinnace.apiserver.printers.custom import custom_printer
from pinnace.apiserver.printers.descriptions import description_of

_CERTIFICATES = "certificates.k8s.io"
_FLOW = "flowcontrol.apiserver.k8s.io"
_POLICIES = "admissionregistration.k8s.io"
_PRINTERS: tuple[tuple[str, str, Printer], ...] = (
    ("", "componentstatuses", config.COMPONENT_STATUS),
    ("", "configmaps", config.CONFIG_MAP),
    ("", "endpoints", network.ENDPOINTS),
    ("", "events", event.EVENT),
    ("", "namespaces", config.NAMESPACE),
    ("", "nodes", node.NODE),
    ("", "persistentvolumeclaims", storage.PERSISTENT_VOLUME_CLAIM),
    ("", "persistentvolumes", storage.PERSISTENT_VOLUME),
    ("", "pods", pod.POD),
    ("", "podtemplates", workloads.POD_TEMPLATE),
    ("", "replicationcontrollers", workloads.REPLICATION_CONTROLLER),
    ("", "resourcequotas", config.RESOURCE_QUOTA),
    ("", "secrets", config.SECRET),
    ("", "serviceaccounts", config.NAME_AND_AGE),
    ("", "services", network.SERVICE),
    (_POLICIES, "mutatingadmissionpolicies", extension.MUTATING_POLICY),
    (_POLICIES, "mutatingadmissionpolicybindings", extension.POLICY_BINDING),
    (_POLICIES, "mutatingwebhookconfigurations", extension.WEBHOOKS),
    (_POLICIES, "validatingadmissionpolicies", extension.VALIDATING_POLICY),
    (_POLICIES, "validatingadmissionpolicybindings", extension.POLICY_BINDING),
    (_POLICIES, "validatingwebhookconfigurations", extension.WEBHOOKS),
    ("apiregistration.k8s.io", "apiservices", extension.API_SERVICE),
    ("apps", "controllerrevisions", workloads.CONTROLLER_REVISION),
    ("apps", "daemonsets", workloads.DAEMON_SET),
    ("apps", "deployments", workloads.DEPLOYMENT),
    ("apps", "replicasets", workloads.REPLICA_SET),
    ("apps", "statefulsets", workloads.STATEFUL_SET),
    ("autoscaling", "horizontalpodautoscalers", autoscaling.HORIZONTAL_POD_AUTOSCALER),
    ("batch", "cronjobs", workloads.CRON_JOB),
    ("batch", "jobs", workloads.JOB),
    (_CERTIFICATES, "certificatesigningrequests", access.CERTIFICATE_SIGNING_REQUEST),
    (_CERTIFICATES, "clustertrustbundles", access.CLUSTER_TRUST_BUNDLE),
    (_CERTIFICATES, "podcertificaterequests", access.POD_CERTIFICATE_REQUEST),
    ("coordination.k8s.io", "leasecandidates", node.LEASE_CANDIDATE),
    ("coordination.k8s.io", "leases", node.LEASE),
    ("discovery.k8s.io", "endpointslices", network.ENDPOINT_SLICE),
    ("events.k8s.io", "events", event.EVENT),
    (_FLOW, "flowschemas", access.FLOW_SCHEMA),
    (_FLOW, "prioritylevelconfigurations", access.PRIORITY_LEVEL),
    ("internal.apiserver.k8s.io", "storageversions", extension.STORAGE_VERSION),
    ("networking.k8s.io", "ingressclasses", network.INGRESS_CLASS),
    ("networking.k8s.io", "ingresses", network.INGRESS),
    ("networking.k8s.io", "ipaddresses", network.IP_ADDRESS),
    ("networking.k8s.io", "networkpolicies", network.NETWORK_POLICY),
    ("networking.k8s.io", "servicecidrs", network.SERVICE_CIDR),
    ("node.k8s.io", "runtimeclasses", node.RUNTIME_CLASS),
    ("policy", "poddisruptionbudgets", workloads.POD_DISRUPTION_BUDGET),
    ("metrics.k8s.io", "nodes", metrics.NODE_METRICS),
    ("metrics.k8s.io", "pods", metrics.POD_METRICS),
    ("rbac.authorization.k8s.io", "clusterrolebindings", access.CLUSTER_ROLE_BINDING),
    ("rbac.authorization.k8s.io", "rolebindings", access.ROLE_BINDING),
    ("resource.k8s.io", "deviceclasses", config.NAME_AND_AGE),
    ("resource.k8s.io", "devicetaintrules", devices.DEVICE_TAINT_RULE),
    ("resource.k8s.io", "resourceclaims", devices.RESOURCE_CLAIM),
    ("resource.k8s.io", "resourceclaimtemplates", config.NAME_AND_AGE),
    ("resource.k8s.io", "resourcepoolstatusrequests", devices.RESOURCE_POOL_STATUS_REQUEST),
    ("resource.k8s.io", "resourceslices", devices.RESOURCE_SLICE),
    ("scheduling.k8s.io", "podgroups", scheduling.POD_GROUP),
    ("scheduling.k8s.io", "priorityclasses", scheduling.PRIORITY_CLASS),
    ("scheduling.k8s.io", "workloads", config.NAME_AND_AGE),
    ("storage.k8s.io", "csidrivers", storage.CSI_DRIVER),
    ("storage.k8s.io", "csinodes", storage.CSI_NODE),
    ("storage.k8s.io", "storageclasses", storage.STORAGE_CLASS),
    ("storage.k8s.io", "volumeattachments", storage.VOLUME_ATTACHMENT),
    ("storage.k8s.io", "volumeattributesclasses", storage.VOLUME_ATTRIBUTES_CLASS),
    ("storagemigration.k8s.io", "storageversionmigrations", extension.STORAGE_VERSION_MIGRATION),
)
PRINTERS: Mapping[tuple[str, str], Printer] = MappingProxyType(
    {(group, plural): printer for group, plural, printer in _PRINTERS}
)


def _created(obj: Object, now: datetime) -> list[Any]:
    stamp = dig(obj, "metadata", "creationTimestamp", default="0001-01-01T00:00:00Z")
    return [name_of(obj), stamp]


# Kinds without columns of their own (Role, LimitRange, CustomResourceDefinition ...).
DEFAULT = Printer((NAME, Column("Created At", "date")), _created)


def printer_for(row: Resource) -> Printer:
    """Return the printer of a resource; those without one show name and creation time."""
    if row.custom is not None:
        return custom_printer(row.custom)
    return PRINTERS.get((row.group, row.plural), DEFAULT)


def table(
    row: Resource,
    objects: Iterable[Object],
    *,
    now: datetime,
    include_object: str = "Metadata",
    list_metadata: Mapping[str, Any] | None = None,
    headers: bool = True,
    version: str = "v1",
) -> Object:
    """Return a Table of objects.

    `include_object` is None, Metadata (also when empty) or Object. `list_metadata` is the list's
    own; for a single object its resourceVersion. Later events of a watch go without headers.
    """
    if include_object not in ("", "None", "Metadata", "Object"):
        raise BadRequest(
            f"Unable to convert to Table as requested: includeObject: Invalid value: "
            f"\"{include_object}\": must be 'Metadata', 'Object', 'None', or empty"
        )
    chosen = printer_for(row)
    listed = sorted(objects, key=chosen.order) if chosen.order else objects
    group_version = f"meta.k8s.io/{version}"
    definitions = [_definition(row, column) for column in chosen.columns] if headers else None
    rows = []
    for obj in listed:
        entry: Object = {"cells": chosen.cells(obj, now)}
        if conditions := chosen.conditions(obj):
            entry["conditions"] = conditions
        entry["object"] = _included(obj, include_object, group_version)
        rows.append(entry)
    return {
        "kind": "Table",
        "apiVersion": group_version,
        "metadata": dict(list_metadata or {}),
        "columnDefinitions": definitions,
        # The printer of kinds without columns of their own makes no list of nothing.
        "rows": rows if rows or chosen is not DEFAULT else None,
    }


def _definition(row: Resource, column: Column) -> Object:
    described = column.definition()
    described["description"] = column.description or description_of(row, column.name)
    return described


def _included(obj: Object, include_object: str, group_version: str) -> Object | None:
    if include_object == "Object":
        return obj
    if include_object == "None":
        return None
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": group_version,
        "metadata": obj.get("metadata") or {},
    }
