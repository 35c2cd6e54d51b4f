"""Which served versions of which kinds are deprecated, and what their users are told."""

from collections.abc import Mapping
from types import MappingProxyType

from pinnace.api.resources import Resource

_ATTRIBUTES = "VolumeAttributesClass"
# Group version, kinds, deprecated in and unavailable in (minor versions; 0 for not planned), and
# what takes their place.
_ROWS: tuple[tuple[str, tuple[str, ...], int, int, str], ...] = (
    ("v1", ("ComponentStatus",), 19, 0, ""),
    ("v1", ("Endpoints",), 33, 0, "discovery.k8s.io/v1 EndpointSlice"),
    ("certificates.k8s.io/v1alpha1", ("ClusterTrustBundle",), 34, 37, ""),
    ("networking.k8s.io/v1beta1", ("IPAddress", "ServiceCIDR"), 34, 37, ""),
    ("storage.k8s.io/v1beta1", (_ATTRIBUTES,), 34, 37, f"storage.k8s.io/v1 {_ATTRIBUTES}"),
    ("admissionregistration.k8s.io/v1alpha1",
     ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"), 35, 38, ""),
    ("coordination.k8s.io/v1beta1", ("LeaseCandidate",), 36, 39, ""),
    ("coordination.k8s.io/v1alpha2", ("LeaseCandidate",), 35, 38, ""),
    ("resource.k8s.io/v1beta2",
     ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"), 36, 39, ""),
    ("resource.k8s.io/v1beta1",
     ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"), 35, 38, ""),
    ("resource.k8s.io/v1alpha3", ("DeviceTaintRule",), 36, 39, ""),
)  # fmt: skip


def _text(version: str, kind: str, since: int, gone: int, instead: str) -> str:
    text = f"{version} {kind} is deprecated in v1.{since}+"
    if gone:
        text += f", unavailable in v1.{gone}+"
    return f"{text}; use {instead}" if instead else text


_TEXTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (version, kind): _text(version, kind, since, gone, instead)
        for version, kinds, since, gone, instead in _ROWS
        for kind in kinds
    }
)
REMOVED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (version, kind): f"1.{gone}" if gone else ""
        for version, kinds, _, gone, _ in _ROWS
        for kind in kinds
    }
)


def deprecation(row: Resource) -> str:
    """Return the warning for whoever uses this row; empty if it is not deprecated."""
    return _TEXTS.get((row.group_version, row.kind), "")
