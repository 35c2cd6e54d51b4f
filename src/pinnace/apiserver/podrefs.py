"""Which other objects of its namespace a pod refers to."""

from collections.abc import Iterator
from typing import Any

from pinnace.api.objects import Object

MIRROR = "kubernetes.io/config.mirror"

# Volume types that name a secret, and the path to its name.
_SECRET_VOLUMES: tuple[tuple[str, ...], ...] = (
    ("secret", "secretName"),
    ("azureFile", "secretName"),
    ("cephfs", "secretRef", "name"),
    ("cinder", "secretRef", "name"),
    ("flexVolume", "secretRef", "name"),
    ("rbd", "secretRef", "name"),
    ("scaleIO", "secretRef", "name"),
    ("iscsi", "secretRef", "name"),
    ("storageos", "secretRef", "name"),
    ("csi", "nodePublishSecretRef", "name"),
)


def containers(pod: Object) -> Iterator[Object]:
    """Yield init, plain and ephemeral containers."""
    spec = pod.get("spec") or {}
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def volumes(pod: Object) -> Iterator[Object]:
    """Yield the volumes."""
    yield from (pod.get("spec") or {}).get("volumes") or ()


def secret_names(pod: Object) -> Iterator[str]:
    """Yield the name of every secret that the pod uses."""
    for reference in (pod.get("spec") or {}).get("imagePullSecrets") or ():
        if reference.get("name"):
            yield reference["name"]
    yield from _from_environment(pod, "secretKeyRef", "secretRef")
    for volume in volumes(pod):
        for path in _SECRET_VOLUMES:
            name = _dig(volume, path)
            if name:
                yield name
    yield from _projected(pod, "secret")


def configmap_names(pod: Object) -> Iterator[str]:
    """Yield the name of every config map that the pod uses."""
    yield from _from_environment(pod, "configMapKeyRef", "configMapRef")
    for volume in volumes(pod):
        name = _dig(volume, ("configMap", "name"))
        if name:
            yield name
    yield from _projected(pod, "configMap")


def claim_names(pod: Object) -> Iterator[str]:
    """Yield the name of every persistent volume claim, those of ephemeral volumes included."""
    for volume in volumes(pod):
        name = _dig(volume, ("persistentVolumeClaim", "claimName"))
        if name:
            yield name
        elif volume.get("ephemeral") is not None:
            yield f"{pod['metadata'].get('name', '')}-{volume.get('name', '')}"


def resource_claim_names(pod: Object) -> Iterator[str]:
    """Yield the name of every resource claim, as given or as made from a template."""
    for claim in (pod.get("spec") or {}).get("resourceClaims") or ():
        if claim.get("resourceClaimName"):
            yield claim["resourceClaimName"]
    status = pod.get("status") or {}
    for made in status.get("resourceClaimStatuses") or ():
        if made.get("resourceClaimName"):
            yield made["resourceClaimName"]
    extended = (status.get("extendedResourceClaimStatus") or {}).get("resourceClaimName")
    if extended:
        yield extended


def is_mirror(pod: Object) -> bool:
    """Say whether the pod is a kubelet's image of a static pod."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


# Volume types through which a pod refers to an object, with the words of a refusal.
_REFERRING_VOLUMES = (
    ("configMap", "configmaps (via configmap volumes)"),
    ("secret", "secrets (via secret volumes)"),
    ("csi", "csidrivers (via CSI volumes)"),
    ("glusterfs", "endpoints (via glusterFS volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
    ("azureFile", "secrets (via azureFile volumes)"),
)
_REFERRING_SOURCES = (
    ("configMap", "configmaps (via projected volumes)"),
    ("secret", "secrets (via projected volumes)"),
    ("serviceAccountToken", "serviceaccounts (via projected volumes)"),
    ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
)


def referenced_kind(pod: Object) -> str:
    """Name the first kind of object that the pod refers to, in upstream's words, or empty."""
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName"):
        return "serviceaccounts"
    if any(True for _ in secret_names(pod)):
        return "secrets"
    if any(True for _ in configmap_names(pod)):
        return "configmaps"
    if spec.get("resourceClaims"):
        return "resourceclaims"
    for volume in volumes(pod):
        for source in (volume.get("projected") or {}).get("sources") or ():
            for key, words in _REFERRING_SOURCES:
                if source.get(key) is not None:
                    return words
        for key, words in _REFERRING_VOLUMES:
            if volume.get(key) is not None:
                return words
    return ""


def _from_environment(pod: Object, key: str, whole: str) -> Iterator[str]:
    for container in containers(pod):
        for source in container.get("envFrom") or ():
            name = _dig(source, (whole, "name"))
            if name:
                yield name
        for variable in container.get("env") or ():
            name = _dig(variable, ("valueFrom", key, "name"))
            if name:
                yield name


def _projected(pod: Object, kind: str) -> Iterator[str]:
    for volume in volumes(pod):
        for source in (volume.get("projected") or {}).get("sources") or ():
            name = _dig(source, (kind, "name"))
            if name:
                yield name


def _dig(value: Any, path: tuple[str, ...]) -> str:
    for key in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(key)
    return value if isinstance(value, str) else ""
