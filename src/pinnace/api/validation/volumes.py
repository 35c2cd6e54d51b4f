"""Rules of a pod's volumes: one source each, and what each common source needs.

Sources of retired in-tree drivers are checked for what they need (`NEEDS`) only.
"""

from collections.abc import Callable, Collection, Mapping

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_long
from pinnace.api.validation.environment import (
    VOLUME_FIELDS,
    check_field_ref,
    check_resource_ref,
)
from pinnace.api.validation.paths import (
    check_descending_path,
    check_local_path,
    check_no_backsteps,
)

MODE = "must be a number between 0 and 0777 (octal), both inclusive"
MORE_THAN_ONE = "may not specify more than 1 volume type"
HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate",
    "Socket",
)  # fmt: skip
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
# In the order in which upstream looks; the fields that must not be empty.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "emptyDir": (),
    "hostPath": ("path",),
    "gitRepo": ("repository",),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "secret": ("secretName",),
    "nfs": ("server", "path"),
    "iscsi": ("targetPortal", "iqn"),
    "glusterfs": ("endpoints", "path"),
    "flocker": (),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "quobyte": ("registry", "volume"),
    "downwardAPI": (),
    "fc": (),
    "flexVolume": ("driver",),
    "configMap": ("name",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": (),
    "projected": (),
    "scaleIO": ("gateway", "system", "volumeName"),
    "csi": ("driver",),
    "ephemeral": ("volumeClaimTemplate",),
    "image": (),
}


def check_volumes(report: Report, spec: Object, path: str, *, pod_name: str) -> dict[str, Object]:
    """Check the volumes of a pod; return those without fault by name."""
    volumes: dict[str, Object] = {}
    listed = report.objects(spec, "volumes", path)
    created = {
        f"{pod_name}-{volume.get('name')}"
        for _, volume in listed
        if pod_name and volume.get("ephemeral") is not None
    }
    for at, volume in listed:
        before = len(report.causes)
        name = report.text(volume, "name", at)
        _check_source(report, volume, at)
        if not name:
            report.required(f"{at}.name")
        else:
            report.said(f"{at}.name", name, names.dns1123_label(name))
        if name in volumes:
            report.duplicate(f"{at}.name", name)
        if len(report.causes) == before:
            volumes[name] = volume
        _check_claim(report, volume, at, created)
    return volumes


def _check_claim(report: Report, volume: Object, path: str, created: Collection[str]) -> None:
    claim = volume.get("persistentVolumeClaim")
    if created and isinstance(claim, dict) and claim.get("claimName") in created:
        report.invalid(
            f"{path}.persistentVolumeClaim.claimName",
            claim["claimName"],
            "must not reference a PVC that gets created for an ephemeral volume",
        )


def _check_source(report: Report, volume: Object, path: str) -> None:
    found = 0
    for kind in volume:
        if kind not in NEEDS or volume[kind] is None:
            continue
        source = report.child(volume, kind, path)
        if source is None:
            continue
        found += 1
        if found > 1:
            report.forbidden(f"{path}.{kind}", MORE_THAN_ONE)
            continue
        where = f"{path}.{kind}"
        for key in NEEDS[kind]:
            if source.get(key) in (None, "", []):
                report.required(f"{where}.{key}")
        _check_details(report, kind, source, where)
    if not found:
        report.required(path, "must specify a volume type")


def _check_details(report: Report, kind: str, source: Object, path: str) -> None:
    check = DETAILS.get(kind)
    if check is not None:
        check(report, source, path)


def _check_empty_dir(report: Report, source: Object, path: str) -> None:
    size = report.quantity(source, "sizeLimit", path)
    if size is not None and size.nano < 0:
        report.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _check_keys(report: Report, source: Object, path: str) -> None:
    check_mode(report, source, "defaultMode", path)
    check_items(report, source, path)


def _check_downward(report: Report, source: Object, path: str) -> None:
    check_mode(report, source, "defaultMode", path)
    for _, file in report.objects(source, "items", path):
        check_downward_file(report, file, path)


def _check_nfs(report: Report, source: Object, path: str) -> None:
    target = report.text(source, "path", path)
    if target and not target.startswith("/"):
        report.invalid(f"{path}.path", target, "must be an absolute path")


def _check_git(report: Report, source: Object, path: str) -> None:
    directory = report.text(source, "directory", path)
    check_descending_path(report, directory, f"{path}.directory")


def _check_csi(report: Report, source: Object, path: str) -> None:
    driver = report.text(source, "driver", path)
    if driver:
        check_driver_name(report, driver, f"{path}.driver")


def _check_image(report: Report, source: Object, path: str) -> None:
    policy = report.text(source, "pullPolicy", path)
    if policy not in PULL_POLICIES:
        report.not_supported(f"{path}.pullPolicy", policy, PULL_POLICIES)


def check_driver_name(report: Report, driver: str, path: str) -> None:
    """Check the name of a CSI driver: a short domain in any case of letters."""
    if len(driver) > 63:
        report.add(too_long(path, 63))
    report.said(path, driver, names.dns1123_subdomain(driver.lower()))


def _check_host_path(report: Report, source: Object, path: str) -> None:
    target = report.text(source, "path", path)
    if not target:
        return
    check_no_backsteps(report, target, f"{path}.path")
    if source.get("type") is not None:
        kind = report.text(source, "type", path)
        if kind not in HOST_PATH_TYPES:
            report.not_supported(f"{path}.type", kind, HOST_PATH_TYPES)


def check_mode(report: Report, source: Object, key: str, path: str) -> None:
    """Check a file mode, if there is one."""
    mode = report.number(source, key, path)
    if mode is not None and not 0 <= mode <= 0o777:
        report.invalid(f"{path}.{key}", mode, MODE)


def check_items(report: Report, source: Object, path: str) -> list[str]:
    """Check which keys go to which files; return the files."""
    files = []
    for at, item in report.objects(source, "items", path):
        if not report.text(item, "key", at):
            report.required(f"{at}.key")
        file = report.text(item, "path", at)
        if not file:
            report.required(f"{at}.path")
        check_local_path(report, file, f"{at}.path")
        check_mode(report, item, "mode", at)
        files.append(file)
    return files


def check_downward_file(report: Report, file: Object, path: str) -> str:
    """Check one file of the downward API; return its path."""
    target = report.text(file, "path", path)
    if not target:
        report.required(f"{path}.path")
    check_local_path(report, target, f"{path}.path")
    field = report.child(file, "fieldRef", path)
    resource = report.child(file, "resourceFieldRef", path)
    if field is not None:
        check_field_ref(report, field, f"{path}.fieldRef", VOLUME_FIELDS)
        if resource is not None:
            report.invalid(
                path,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            )
    elif resource is not None:
        check_resource_ref(report, resource, f"{path}.resourceFieldRef", in_volume=True)
    else:
        report.required(path, "one of fieldRef and resourceFieldRef is required")
    check_mode(report, file, "mode", path)
    return target


PROJECTIONS = (
    "secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle",
    "podCertificate",
)  # fmt: skip


def _check_projected(report: Report, source: Object, path: str) -> None:
    check_mode(report, source, "defaultMode", path)
    files: set[str] = set()
    for at, projection in report.objects(source, "sources", path):
        given = [key for key in PROJECTIONS if projection.get(key) is not None]
        for key in given:
            part = report.child(projection, key, at)
            if part is None:
                continue
            for file in _projected_files(report, key, part, at, path):
                if file in files:
                    report.invalid(path, file, "conflicting duplicate paths")
                files.add(file)
        if len(given) > 1:
            report.forbidden(at, "may not specify more than 1 volume type per source")


def _projected_files(report: Report, key: str, part: Object, at: str, path: str) -> list[str]:
    where = f"{at}.{key}"
    if key in ("secret", "configMap"):
        if not report.text(part, "name", where):
            report.required(f"{where}.name")
        return [file for file in check_items(report, part, where) if file]
    if key == "downwardAPI":
        items = report.objects(part, "items", where)
        files = [check_downward_file(report, file, where) for _, file in items]
        return [file for file in files if file]
    if key == "serviceAccountToken":
        _check_token(report, part, where, path)
        return []
    file = report.text(part, "path", where)
    if key == "clusterTrustBundle":
        if not file:
            report.required(f"{where}.path")
        check_local_path(report, file, f"{where}.path")
        if part.get("name") is None and part.get("signerName") is None:
            report.required(where, "either name or signerName must be specified")
        return [file]
    return []


def _check_token(report: Report, token: Object, where: str, path: str) -> None:
    seconds = report.number(token, "expirationSeconds", where)
    if seconds is not None and seconds < 600:
        report.invalid(
            f"{where}.expirationSeconds",
            seconds,
            "may not specify a duration less than 10 minutes",
        )
    if seconds is not None and seconds > 1 << 32:
        report.invalid(
            f"{where}.expirationSeconds",
            seconds,
            "may not specify a duration larger than 2^32 seconds",
        )
    file = report.text(token, "path", where)
    if not file:
        report.required(f"{path}.path")
    else:
        check_local_path(report, file, f"{path}.path")


DETAILS: Mapping[str, Callable[[Report, Object, str], None]] = {
    "emptyDir": _check_empty_dir,
    "hostPath": _check_host_path,
    "secret": _check_keys,
    "configMap": _check_keys,
    "downwardAPI": _check_downward,
    "projected": _check_projected,
    "nfs": _check_nfs,
    "gitRepo": _check_git,
    "csi": _check_csi,
    "image": _check_image,
}
