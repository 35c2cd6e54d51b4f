"""Rows of the networking.k8s.io group."""

from pinnace.api.resources import Resource, status

INGRESSCLASSES = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    singular="ingressclass",
    namespaced=False,
    prefix="/registry/ingressclasses",
    storage="networking.k8s.io/v1",
)
INGRESSES = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="Ingress",
    plural="ingresses",
    singular="ingress",
    short=("ing",),
    subresources=(status("Ingress"),),
    prefix="/registry/ingress",
    storage="networking.k8s.io/v1",
)
IPADDRESSES = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="IPAddress",
    plural="ipaddresses",
    singular="ipaddress",
    short=("ip",),
    namespaced=False,
    prefix="/registry/ipaddresses",
    storage="networking.k8s.io/v1",
)
NETWORKPOLICIES = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    singular="networkpolicy",
    short=("netpol",),
    prefix="/registry/networkpolicies",
    storage="networking.k8s.io/v1",
)
SERVICECIDRS = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    singular="servicecidr",
    namespaced=False,
    subresources=(status("ServiceCIDR"),),
    prefix="/registry/servicecidrs",
    storage="networking.k8s.io/v1",
)
IPADDRESSES_V1BETA1 = Resource(
    group="networking.k8s.io",
    version="v1beta1",
    kind="IPAddress",
    plural="ipaddresses",
    singular="ipaddress",
    short=("ip",),
    namespaced=False,
    prefix="/registry/ipaddresses",
    storage="networking.k8s.io/v1",
)
SERVICECIDRS_V1BETA1 = Resource(
    group="networking.k8s.io",
    version="v1beta1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    singular="servicecidr",
    namespaced=False,
    subresources=(status("ServiceCIDR"),),
    prefix="/registry/servicecidrs",
    storage="networking.k8s.io/v1",
)

ROWS = (
    INGRESSCLASSES,
    INGRESSES,
    IPADDRESSES,
    NETWORKPOLICIES,
    SERVICECIDRS,
    IPADDRESSES_V1BETA1,
    SERVICECIDRS_V1BETA1,
)
