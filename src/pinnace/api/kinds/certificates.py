"""Rows of the certificates.k8s.io group."""

from pinnace.api.resources import Resource, Subresource, status

CERTIFICATESIGNINGREQUESTS = Resource(
    group="certificates.k8s.io",
    version="v1",
    kind="CertificateSigningRequest",
    plural="certificatesigningrequests",
    singular="certificatesigningrequest",
    short=("csr",),
    namespaced=False,
    subresources=(
        Subresource(name="approval", kind="CertificateSigningRequest"),
        Subresource(name="status", kind="CertificateSigningRequest"),
    ),
    prefix="/registry/certificatesigningrequests",
    storage="certificates.k8s.io/v1",
)
CLUSTERTRUSTBUNDLES = Resource(
    group="certificates.k8s.io",
    version="v1beta1",
    kind="ClusterTrustBundle",
    plural="clustertrustbundles",
    singular="clustertrustbundle",
    namespaced=False,
    prefix="/registry/clustertrustbundles",
    storage="certificates.k8s.io/v1beta1",
)
PODCERTIFICATEREQUESTS = Resource(
    group="certificates.k8s.io",
    version="v1beta1",
    kind="PodCertificateRequest",
    plural="podcertificaterequests",
    singular="podcertificaterequest",
    subresources=(status("PodCertificateRequest"),),
    prefix="/registry/podcertificaterequests",
    storage="certificates.k8s.io/v1beta1",
)
CLUSTERTRUSTBUNDLES_V1ALPHA1 = Resource(
    group="certificates.k8s.io",
    version="v1alpha1",
    kind="ClusterTrustBundle",
    plural="clustertrustbundles",
    singular="clustertrustbundle",
    namespaced=False,
    prefix="/registry/clustertrustbundles",
    storage="certificates.k8s.io/v1beta1",
)

ROWS = (
    CERTIFICATESIGNINGREQUESTS,
    CLUSTERTRUSTBUNDLES,
    PODCERTIFICATEREQUESTS,
    CLUSTERTRUSTBUNDLES_V1ALPHA1,
)
