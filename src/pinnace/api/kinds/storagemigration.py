"""Rows of the storagemigration.k8s.io group."""

from pinnace.api.resources import Resource, status

STORAGEVERSIONMIGRATIONS = Resource(
    group="storagemigration.k8s.io",
    version="v1beta1",
    kind="StorageVersionMigration",
    plural="storageversionmigrations",
    singular="storageversionmigration",
    namespaced=False,
    subresources=(status("StorageVersionMigration"),),
    prefix="/registry/storageversionmigrations",
    storage="storagemigration.k8s.io/v1beta1",
)

ROWS = (STORAGEVERSIONMIGRATIONS,)
