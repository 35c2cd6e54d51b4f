"""Rules of the sources that volumes of pods and PersistentVolumes have, a function each."""

import re

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_long
from pinnace.api.validation.paths import check_descending_path, check_no_backsteps

HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate",
    "Socket",
)  # fmt: skip
# How upstream spells a source that is one too many, where it differs.
SPELT = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
MORE_THAN_ONE = "may not specify more than 1 volume type"
_NAMING = {
    "iqn": re.compile(r"iqn\.[0-9]{4}-[0-9]{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$", re.ASCII),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}
ISCSI_TOO_LONG = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
    "iscsi.initiatorName is specified."
)
PAIRS = "must be a host:port pair or multiple pairs separated by commas"
BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
MANAGED = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/"
    "{disk-id}"
)


def needs(report: Report, source: Object, path: str, *keys: str) -> None:
    """Check that fields of text, or lists, are not empty."""
    for key in keys:
        if not source.get(key):
            report.required(f"{path}.{key}")


def check_driver_name(report: Report, driver: str, path: str) -> None:
    """Check the name of a CSI driver: a short domain in any case of letters."""
    if not driver:
        report.required(path)
        return
    if len(driver) > 63:
        report.add(too_long(path, 63))
    report.said(path, driver, names.dns1123_subdomain(driver.lower()))


def check_host_path(report: Report, source: Object, path: str) -> None:
    """Check a path of the host."""
    needs(report, source, path, "path")
    if not source.get("path"):
        return
    check_no_backsteps(report, report.text(source, "path", path), f"{path}.path")
    if source.get("type") is not None:
        kind = report.text(source, "type", path)
        if kind not in HOST_PATH_TYPES:
            report.not_supported(f"{path}.type", kind, HOST_PATH_TYPES)


def check_git(report: Report, source: Object, path: str) -> None:
    """Check a repository."""
    needs(report, source, path, "repository")
    directory = report.text(source, "directory", path)
    check_descending_path(report, directory, f"{path}.directory")


def check_gce_disk(report: Report, source: Object, path: str) -> None:
    """Check a disk of GCE."""
    needs(report, source, path, "pdName")
    _check_partition(report, source, path)


def check_aws_disk(report: Report, source: Object, path: str) -> None:
    """Check a disk of AWS."""
    needs(report, source, path, "volumeID")
    _check_partition(report, source, path)


def _check_partition(report: Report, source: Object, path: str) -> None:
    partition = report.number(source, "partition", path) or 0
    if not 0 <= partition <= 255:
        report.invalid(f"{path}.partition", partition, names.range_error(1, 255))


def check_nfs(report: Report, source: Object, path: str) -> None:
    """Check an NFS export."""
    needs(report, source, path, "server", "path")
    target = report.text(source, "path", path)
    if not target.startswith("/"):
        report.invalid(f"{path}.path", target, "must be an absolute path")


def check_iscsi(report: Report, source: Object, path: str) -> None:
    """Check the iSCSI source of a pod."""
    needs(report, source, path, "targetPortal", "iqn")
    _check_iscsi(report, source, path, of_pod=True)


def check_iscsi_volume(report: Report, source: Object, path: str, name: str) -> None:
    """Check the iSCSI source of a PersistentVolume."""
    needs(report, source, path, "targetPortal")
    if source.get("initiatorName") is not None:
        portal = report.text(source, "targetPortal", path)
        if len(f"{name}:{portal}") > 64:
            report.invalid(f"{path}.targetportal", portal, ISCSI_TOO_LONG)
    needs(report, source, path, "iqn")
    _check_iscsi(report, source, path, of_pod=False)


def _check_iscsi(report: Report, source: Object, path: str, *, of_pod: bool) -> None:
    valid = "must be valid format"
    start = f"{valid} starting with iqn, eui, or naa" if of_pod else valid
    iqn = report.text(source, "iqn", path)
    if iqn:
        _check_initiator(report, iqn, f"{path}.iqn", start)
    lun = report.number(source, "lun", path) or 0
    if not 0 <= lun <= 255:
        report.invalid(f"{path}.lun", lun, names.range_error(0, 255))
    secret = report.child(source, "secretRef", path)
    chap = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if chap and secret is None:
        report.required(f"{path}.secretRef")
    if secret is not None and not of_pod:
        needs(report, secret, f"{path}.secretRef", "name")
    if source.get("initiatorName") is not None:
        initiator = report.text(source, "initiatorName", path)
        _check_initiator(report, initiator, f"{path}.initiatorname", start)


def _check_initiator(report: Report, name: str, path: str, start: str) -> None:
    pattern = _NAMING.get(name[:3])
    if pattern is None:
        report.invalid(path, name, start)
    elif not pattern.search(name):
        report.invalid(path, name, "must be valid format")


def check_glusterfs(report: Report, source: Object, path: str) -> None:
    """Check a Gluster volume."""
    needs(report, source, path, "endpoints", "path")
    if source.get("endpointsNamespace") is not None:
        namespace, where = source["endpointsNamespace"], f"{path}.endpointsNamespace"
        if namespace == "":
            detail = "if the endpointnamespace is set, it must be a valid namespace name"
            report.invalid(where, namespace, detail)
        else:
            report.said(where, namespace, names.dns1123_label(namespace))


def check_flocker(report: Report, source: Object, path: str) -> None:
    """Check a Flocker dataset."""
    name, uid = report.text(source, "datasetName", path), report.text(source, "datasetUUID", path)
    if not name and not uid:
        report.required(path, "one of datasetName and datasetUUID is required")
    if name and uid:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        report.invalid(path, "resource", detail)
    if "/" in name:
        report.invalid(f"{path}.datasetName", name, "must not contain '/'")


def check_rbd(report: Report, source: Object, path: str) -> None:
    """Check a RADOS block device."""
    needs(report, source, path, "monitors", "image")


def check_cephfs(report: Report, source: Object, path: str) -> None:
    """Check a Ceph file system."""
    needs(report, source, path, "monitors")


def check_cinder(report: Report, source: Object, path: str) -> None:
    """Check a Cinder volume of a pod."""
    needs(report, source, path, "volumeID")
    _check_secret(report, source, path, "name")


def check_cinder_volume(report: Report, source: Object, path: str) -> None:
    """Check the Cinder source of a PersistentVolume."""
    needs(report, source, path, "volumeID")
    _check_secret(report, source, path, "name", "namespace")


def _check_secret(report: Report, source: Object, path: str, *keys: str) -> None:
    secret = report.child(source, "secretRef", path)
    if secret is not None:
        needs(report, secret, f"{path}.secretRef", *keys)


def check_quobyte(report: Report, source: Object, path: str) -> None:
    """Check a Quobyte volume."""
    registry, where = report.text(source, "registry", path), f"{path}.registry"
    if not registry:
        report.required(where, PAIRS)
    elif len(report.text(source, "tenant", path)) >= 65:
        detail = "must be a UUID and may not exceed a length of 64 characters"
        report.required(f"{path}.tenant", detail)
    else:
        for pair in registry.split(","):
            if not _is_host_port(pair):
                report.invalid(where, registry, PAIRS)
    needs(report, source, path, "volume")


def _is_host_port(pair: str) -> bool:
    if pair.startswith("["):
        host, bracket, port = pair[1:].partition("]")
        return bool(bracket) and port.startswith(":") and not set(host + port[1:]) & set("[]")
    return pair.count(":") == 1 and not set(pair) & set("[]")


def check_fc(report: Report, source: Object, path: str) -> None:
    """Check a Fibre Channel target."""
    targets, ids = report.texts(source, "targetWWNs", path), report.texts(source, "wwids", path)
    where = f"{path}.targetWWNs"
    if not targets and not ids:
        report.required(where, "must specify either targetWWNs or wwids, but not both")
    if targets and ids:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        report.invalid(where, targets, detail)
    lun = report.number(source, "lun", path)
    if targets and lun is None:
        report.required(f"{path}.lun", "lun is required if targetWWNs is specified")
    elif targets and lun is not None and not 0 <= lun <= 255:
        report.invalid(f"{path}.lun", lun, names.range_error(0, 255))


def check_flex(report: Report, source: Object, path: str) -> None:
    """Check a FlexVolume."""
    needs(report, source, path, "driver")
    for key in report.mapping(source, "options", path):
        namespace = "." + key.partition("/")[0].lower()
        if namespace.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            report.invalid(f"{path}.options[{key}]", key, detail)


def check_azure_file(report: Report, source: Object, path: str) -> None:
    """Check a share of Azure."""
    needs(report, source, path, "secretName", "shareName")
    if source.get("secretNamespace") == "":
        report.required(f"{path}.secretNamespace")


def check_azure_disk(report: Report, source: Object, path: str) -> None:
    """Check a disk of Azure."""
    needs(report, source, path, "diskName", "diskURI")
    kind = source.get("kind")
    for key, supported in (
        ("cachingMode", ("None", "ReadOnly", "ReadWrite")),
        ("kind", ("Dedicated", "Managed", "Shared")),
    ):
        if source.get(key) is not None:
            value = report.text(source, key, path)
            if value not in supported:
                report.not_supported(f"{path}.{key}", value, supported)
    uri, where = report.text(source, "diskURI", path), f"{path}.diskURI"
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        report.not_supported(where, uri, (MANAGED,))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        report.not_supported(where, uri, (BLOB,))


def check_vsphere(report: Report, source: Object, path: str) -> None:
    """Check a disk of vSphere."""
    needs(report, source, path, "volumePath")


def check_photon(report: Report, source: Object, path: str) -> None:
    """Check a disk of Photon."""
    needs(report, source, path, "pdID")


def check_portworx(report: Report, source: Object, path: str) -> None:
    """Check a Portworx volume."""
    needs(report, source, path, "volumeID")


def check_scale_io(report: Report, source: Object, path: str) -> None:
    """Check a ScaleIO volume."""
    needs(report, source, path, "gateway", "system", "volumeName")


def check_storage_os(report: Report, source: Object, path: str) -> None:
    """Check a StorageOS volume of a pod."""
    _check_storage_os(report, source, path)
    _check_secret(report, source, path, "name")


def check_storage_os_volume(report: Report, source: Object, path: str) -> None:
    """Check the StorageOS source of a PersistentVolume."""
    _check_storage_os(report, source, path)
    _check_secret(report, source, path, "name", "namespace")


def _check_storage_os(report: Report, source: Object, path: str) -> None:
    name = report.text(source, "volumeName", path)
    if not name:
        report.required(f"{path}.volumeName")
    else:
        report.said(f"{path}.volumeName", name, names.dns1123_label(name))
    namespace = report.text(source, "volumeNamespace", path)
    if namespace:
        report.said(f"{path}.volumeNamespace", namespace, names.dns1123_label(namespace))


def check_local(report: Report, source: Object, path: str) -> None:
    """Check a path of one node."""
    needs(report, source, path, "path")
    check_no_backsteps(report, report.text(source, "path", path), f"{path}.path")


def check_csi(report: Report, source: Object, path: str) -> None:
    """Check an inline CSI volume."""
    check_driver_name(report, report.text(source, "driver", path), f"{path}.driver")
    secret = report.child(source, "nodePublishSecretRef", path)
    if secret is not None:
        name = report.text(secret, "name", f"{path}.nodePublishSecretRef")
        if not name:
            report.required(f"{path}.nodePublishSecretRef.name")
        else:
            report.said(f"{path}.name", name, names.dns1123_subdomain(name))


def check_csi_volume(report: Report, source: Object, path: str) -> None:
    """Check the CSI source of a PersistentVolume."""
    check_driver_name(report, report.text(source, "driver", path), f"{path}.driver")
    needs(report, source, path, "volumeHandle")
    for key in ("controllerPublishSecretRef", "controllerExpandSecretRef",
                "nodePublishSecretRef", "nodeExpandSecretRef"):  # fmt: skip
        secret, where = report.child(source, key, path), f"{path}.{key}"
        if secret is None:
            continue
        for name, rule in (
            ("name", names.dns1123_subdomain),
            ("namespace", names.dns1123_label),
        ):
            value = report.text(secret, name, where)
            if not value:
                report.required(f"{where}.{name}")
            else:
                report.said(f"{where}.{name}", value, rule(value))
