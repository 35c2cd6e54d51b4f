"""Defaults of a pod's spec, wherever one is embedded: containers, probes and volumes."""

from typing import Any

from pinnace.api.defaults.base import (
    canonical_resources,
    child,
    ensured,
    entries,
    fill,
    fill_text,
    requirements,
)
from pinnace.api.defaults.images import pull_policy
from pinnace.api.defaults.volumes import default_volume
from pinnace.api.objects import Object

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def default_pod_template(owner: Object) -> None:
    """Fill in the spec of the pod template of a workload's spec."""
    template = ensured(owner, "template")
    default_pod_spec(ensured(template, "spec"))


def default_pod_spec(spec: Object) -> None:
    """Fill in what upstream fills in for every pod spec, template or not."""
    fill_text(spec, "dnsPolicy", "ClusterFirst")
    fill_text(spec, "restartPolicy", "Always")
    fill_text(spec, "schedulerName", "default-scheduler")
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    fill(spec, "terminationGracePeriodSeconds", 30)
    # serviceAccount is the old name of serviceAccountName; both are always written.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    if "volumes" in spec:
        for volume in entries(spec, "volumes"):
            default_volume(volume)
    for key in ("initContainers", "containers", "ephemeralContainers"):
        if key in spec:
            for container in entries(spec, key):
                _default_container(container)
    if "overhead" in spec:
        canonical_resources(spec["overhead"])
    if "resources" in spec:
        requirements(spec)


def _default_container(container: Object) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image"))
    fill_text(container, "terminationMessagePath", "/dev/termination-log")
    fill_text(container, "terminationMessagePolicy", "File")
    if "ports" in container:
        for port in entries(container, "ports"):
            fill_text(port, "protocol", "TCP")
    if "env" in container:
        for variable in entries(container, "env"):
            if "valueFrom" in variable:
                _default_env_source(child(variable, "valueFrom"))
    if "resources" in container:
        requirements(container)
    else:
        container["resources"] = {}
    for key in PROBES:
        if key in container:
            _default_probe(container[key])
    if "lifecycle" in container:
        for key in ("postStart", "preStop"):
            _default_http_get(child(child(container, "lifecycle"), key).get("httpGet"))


def _default_env_source(source: Object) -> None:
    field = source.get("fieldRef")
    if isinstance(field, dict):
        fill_text(field, "apiVersion", "v1")
    file = source.get("fileKeyRef")
    if isinstance(file, dict):
        fill(file, "optional", False)
    resource = source.get("resourceFieldRef")
    if isinstance(resource, dict):
        fill(resource, "divisor", "0")


def _default_probe(probe: Any) -> None:
    if not isinstance(probe, dict):
        return
    for key, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(key):
            probe[key] = value
    _default_http_get(probe.get("httpGet"))
    grpc = probe.get("grpc")
    if isinstance(grpc, dict):
        fill(grpc, "service", "")


def _default_http_get(action: Any) -> None:
    if isinstance(action, dict):
        fill_text(action, "path", "/")
        fill_text(action, "scheme", "HTTP")
