"""Rows of the resource.k8s.io group."""

from pinnace.api.resources import Resource, status

DEVICECLASSES = Resource(
    group="resource.k8s.io",
    version="v1",
    kind="DeviceClass",
    plural="deviceclasses",
    singular="deviceclass",
    namespaced=False,
    prefix="/registry/deviceclasses",
    storage="resource.k8s.io/v1",
)
RESOURCECLAIMS = Resource(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceClaim",
    plural="resourceclaims",
    singular="resourceclaim",
    subresources=(status("ResourceClaim"),),
    prefix="/registry/resourceclaims",
    storage="resource.k8s.io/v1",
)
RESOURCECLAIMTEMPLATES = Resource(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    singular="resourceclaimtemplate",
    prefix="/registry/resourceclaimtemplates",
    storage="resource.k8s.io/v1",
)
RESOURCESLICES = Resource(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceSlice",
    plural="resourceslices",
    singular="resourceslice",
    namespaced=False,
    prefix="/registry/resourceslices",
    storage="resource.k8s.io/v1",
)
DEVICECLASSES_V1BETA2 = Resource(
    group="resource.k8s.io",
    version="v1beta2",
    kind="DeviceClass",
    plural="deviceclasses",
    singular="deviceclass",
    namespaced=False,
    prefix="/registry/deviceclasses",
    storage="resource.k8s.io/v1",
)
DEVICETAINTRULES = Resource(
    group="resource.k8s.io",
    version="v1beta2",
    kind="DeviceTaintRule",
    plural="devicetaintrules",
    singular="devicetaintrule",
    namespaced=False,
    subresources=(status("DeviceTaintRule"),),
    prefix="/registry/devicetaintrules",
    storage="resource.k8s.io/v1alpha3",
)
RESOURCECLAIMS_V1BETA2 = Resource(
    group="resource.k8s.io",
    version="v1beta2",
    kind="ResourceClaim",
    plural="resourceclaims",
    singular="resourceclaim",
    subresources=(status("ResourceClaim"),),
    prefix="/registry/resourceclaims",
    storage="resource.k8s.io/v1",
)
RESOURCECLAIMTEMPLATES_V1BETA2 = Resource(
    group="resource.k8s.io",
    version="v1beta2",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    singular="resourceclaimtemplate",
    prefix="/registry/resourceclaimtemplates",
    storage="resource.k8s.io/v1",
)
RESOURCESLICES_V1BETA2 = Resource(
    group="resource.k8s.io",
    version="v1beta2",
    kind="ResourceSlice",
    plural="resourceslices",
    singular="resourceslice",
    namespaced=False,
    prefix="/registry/resourceslices",
    storage="resource.k8s.io/v1",
)
DEVICECLASSES_V1BETA1 = Resource(
    group="resource.k8s.io",
    version="v1beta1",
    kind="DeviceClass",
    plural="deviceclasses",
    singular="deviceclass",
    namespaced=False,
    prefix="/registry/deviceclasses",
    storage="resource.k8s.io/v1",
)
RESOURCECLAIMS_V1BETA1 = Resource(
    group="resource.k8s.io",
    version="v1beta1",
    kind="ResourceClaim",
    plural="resourceclaims",
    singular="resourceclaim",
    subresources=(status("ResourceClaim"),),
    prefix="/registry/resourceclaims",
    storage="resource.k8s.io/v1",
)
RESOURCECLAIMTEMPLATES_V1BETA1 = Resource(
    group="resource.k8s.io",
    version="v1beta1",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    singular="resourceclaimtemplate",
    prefix="/registry/resourceclaimtemplates",
    storage="resource.k8s.io/v1",
)
RESOURCESLICES_V1BETA1 = Resource(
    group="resource.k8s.io",
    version="v1beta1",
    kind="ResourceSlice",
    plural="resourceslices",
    singular="resourceslice",
    namespaced=False,
    prefix="/registry/resourceslices",
    storage="resource.k8s.io/v1",
)
DEVICETAINTRULES_V1ALPHA3 = Resource(
    group="resource.k8s.io",
    version="v1alpha3",
    kind="DeviceTaintRule",
    plural="devicetaintrules",
    singular="devicetaintrule",
    namespaced=False,
    subresources=(status("DeviceTaintRule"),),
    prefix="/registry/devicetaintrules",
    storage="resource.k8s.io/v1alpha3",
)
RESOURCEPOOLSTATUSREQUESTS = Resource(
    group="resource.k8s.io",
    version="v1alpha3",
    kind="ResourcePoolStatusRequest",
    plural="resourcepoolstatusrequests",
    singular="resourcepoolstatusrequest",
    namespaced=False,
    subresources=(status("ResourcePoolStatusRequest"),),
    prefix="/registry/resourcepoolstatusrequests",
    storage="resource.k8s.io/v1alpha3",
)

ROWS = (
    DEVICECLASSES,
    RESOURCECLAIMS,
    RESOURCECLAIMTEMPLATES,
    RESOURCESLICES,
    DEVICECLASSES_V1BETA2,
    DEVICETAINTRULES,
    RESOURCECLAIMS_V1BETA2,
    RESOURCECLAIMTEMPLATES_V1BETA2,
    RESOURCESLICES_V1BETA2,
    DEVICECLASSES_V1BETA1,
    RESOURCECLAIMS_V1BETA1,
    RESOURCECLAIMTEMPLATES_V1BETA1,
    RESOURCESLICES_V1BETA1,
    DEVICETAINTRULES_V1ALPHA3,
    RESOURCEPOOLSTATUSREQUESTS,
)
