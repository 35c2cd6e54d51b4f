"""Rows of the storage.k8s.io group."""

from pinnace.api.resources import Resource, status

CSIDRIVERS = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="CSIDriver",
    plural="csidrivers",
    singular="csidriver",
    namespaced=False,
    prefix="/registry/csidrivers",
    storage="storage.k8s.io/v1",
)
CSINODES = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="CSINode",
    plural="csinodes",
    singular="csinode",
    namespaced=False,
    prefix="/registry/csinodes",
    storage="storage.k8s.io/v1",
)
CSISTORAGECAPACITIES = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="CSIStorageCapacity",
    plural="csistoragecapacities",
    singular="csistoragecapacity",
    prefix="/registry/csistoragecapacities",
    storage="storage.k8s.io/v1",
)
STORAGECLASSES = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    singular="storageclass",
    short=("sc",),
    namespaced=False,
    prefix="/registry/storageclasses",
    storage="storage.k8s.io/v1",
)
VOLUMEATTACHMENTS = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    singular="volumeattachment",
    namespaced=False,
    subresources=(status("VolumeAttachment"),),
    prefix="/registry/volumeattachments",
    storage="storage.k8s.io/v1",
)
VOLUMEATTRIBUTESCLASSES = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttributesClass",
    plural="volumeattributesclasses",
    singular="volumeattributesclass",
    short=("vac",),
    namespaced=False,
    prefix="/registry/volumeattributesclasses",
    storage="storage.k8s.io/v1",
)
VOLUMEATTRIBUTESCLASSES_V1BETA1 = Resource(
    group="storage.k8s.io",
    version="v1beta1",
    kind="VolumeAttributesClass",
    plural="volumeattributesclasses",
    singular="volumeattributesclass",
    short=("vac",),
    namespaced=False,
    prefix="/registry/volumeattributesclasses",
    storage="storage.k8s.io/v1",
)

ROWS = (
    CSIDRIVERS,
    CSINODES,
    CSISTORAGECAPACITIES,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
    VOLUMEATTRIBUTESCLASSES,
    VOLUMEATTRIBUTESCLASSES_V1BETA1,
)
