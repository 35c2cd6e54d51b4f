"""In which order groups and versions stand in discovery: upstream's numbers.

A built-in group version that stands here gets an APIService of its own. To serve a further group
in this process, add its rows to `api/kinds` and a line here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Priority(NamedTuple):
    """The priority of a group among groups, and of a version in its group; the highest is first."""

    group: int
    version: int


# What is first of all, for no APIService can be for it.
REGISTRATION = ("apiregistration.k8s.io", "v1")
REGISTRATION_PRIORITY = Priority(20001, 0)
# Versions of custom resources are sorted by their names.
CUSTOM = Priority(1000, 100)
# What nobody gave a priority.
UNKNOWN = Priority(1000, 15)

BUILT_IN: Mapping[tuple[str, str], Priority] = MappingProxyType(
    {
        ("", "v1"): Priority(18000, 1),
        ("apps", "v1"): Priority(17800, 15),
        ("events.k8s.io", "v1"): Priority(17750, 15),
        ("events.k8s.io", "v1beta1"): Priority(17750, 5),
        ("authentication.k8s.io", "v1"): Priority(17700, 15),
        ("authentication.k8s.io", "v1beta1"): Priority(17700, 9),
        ("authentication.k8s.io", "v1alpha1"): Priority(17700, 1),
        ("authorization.k8s.io", "v1"): Priority(17600, 15),
        ("autoscaling", "v2"): Priority(17500, 30),
        ("autoscaling", "v1"): Priority(17500, 15),
        ("batch", "v1"): Priority(17400, 15),
        ("batch", "v1beta1"): Priority(17400, 9),
        ("certificates.k8s.io", "v1"): Priority(17300, 15),
        ("certificates.k8s.io", "v1beta1"): Priority(17300, 9),
        ("certificates.k8s.io", "v1alpha1"): Priority(17300, 1),
        ("networking.k8s.io", "v1"): Priority(17200, 15),
        ("networking.k8s.io", "v1beta1"): Priority(17200, 9),
        ("policy", "v1"): Priority(17100, 15),
        ("policy", "v1beta1"): Priority(17100, 9),
        ("rbac.authorization.k8s.io", "v1"): Priority(17000, 15),
        ("storage.k8s.io", "v1"): Priority(16800, 15),
        ("storage.k8s.io", "v1beta1"): Priority(16800, 9),
        ("storage.k8s.io", "v1alpha1"): Priority(16800, 1),
        ("apiextensions.k8s.io", "v1"): Priority(16700, 15),
        ("admissionregistration.k8s.io", "v1"): Priority(16700, 15),
        ("admissionregistration.k8s.io", "v1beta1"): Priority(16700, 12),
        ("admissionregistration.k8s.io", "v1alpha1"): Priority(16700, 9),
        ("scheduling.k8s.io", "v1"): Priority(16600, 15),
        ("scheduling.k8s.io", "v1alpha2"): Priority(16600, 2),
        ("coordination.k8s.io", "v1"): Priority(16500, 15),
        ("coordination.k8s.io", "v1beta1"): Priority(16500, 13),
        ("coordination.k8s.io", "v1alpha2"): Priority(16500, 12),
        ("node.k8s.io", "v1"): Priority(16300, 15),
        ("node.k8s.io", "v1beta1"): Priority(16300, 9),
        ("node.k8s.io", "v1alpha1"): Priority(16300, 1),
        ("discovery.k8s.io", "v1"): Priority(16200, 15),
        ("discovery.k8s.io", "v1beta1"): Priority(16200, 12),
        ("resource.k8s.io", "v1"): Priority(16200, 21),
        ("resource.k8s.io", "v1beta2"): Priority(16200, 15),
        ("resource.k8s.io", "v1beta1"): Priority(16200, 9),
        ("resource.k8s.io", "v1alpha3"): Priority(16200, 1),
        ("flowcontrol.apiserver.k8s.io", "v1"): Priority(16100, 21),
        ("flowcontrol.apiserver.k8s.io", "v1beta3"): Priority(16100, 18),
        ("internal.apiserver.k8s.io", "v1alpha1"): Priority(16000, 9),
        ("storagemigration.k8s.io", "v1beta1"): Priority(15800, 9),
        # An extension server's group, by the numbers of the APIService that it comes with.
        ("metrics.k8s.io", "v1beta1"): Priority(100, 100),
    }
)
# Groups that an extension server may serve in place of this one: an APIService that names a
# Service is left as it is, and made Local again only once somebody has deleted it.
YIELDING = frozenset({("metrics.k8s.io", "v1beta1")})
