"""Rules of a pod's volumes: one source each, and what each source needs."""

from collections.abc import Callable, Collection, Mapping

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation import volumesources as sources
from pinnace.api.validation.base import Report
from pinnace.api.validation.claims import check_claim_template
from pinnace.api.validation.projections import check_downward, check_keys, check_projected
from pinnace.api.validation.volumesources import MORE_THAN_ONE, needs

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
Check = Callable[[Report, Object, str], None]


def check_volumes(
    report: Report, spec: Object, path: str, *, pod_name: str, is_pod: bool
) -> dict[str, Object]:
    """Check the volumes of a pod; return those without fault by name."""
    volumes: dict[str, Object] = {}
    listed = report.objects(spec, "volumes", path)
    created = {
        f"{pod_name}-{volume.get('name') or ''}"
        for _, volume in listed
        if pod_name and volume.get("ephemeral") is not None
    }
    for at, volume in listed:
        before = len(report.causes)
        name = report.text(volume, "name", at)
        _check_source(report, volume, at, name, pod_name, is_pod=is_pod)
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


def _check_source(
    report: Report, volume: Object, path: str, name: str, pod_name: str, *, is_pod: bool
) -> None:
    found = False
    given = [kind for kind in SOURCES if kind in volume] if len(volume) > 2 else list(volume)
    for kind in given:
        check = SOURCES.get(kind)
        source = report.child(volume, kind, path) if check else None
        if source is None or check is None:
            continue
        if found:
            report.forbidden(f"{path}.{sources.SPELT.get(kind, kind)}", MORE_THAN_ONE)
        else:
            found = True
            if kind == "image" and is_pod:  # a template may leave it open
                needs(report, source, f"{path}.image", "reference")
            where = "persistentDisk" if kind == "gcePersistentDisk" else kind
            check(report, source, f"{path}.{where}")
            if kind == "ephemeral":
                _check_claim_name(report, path, name, pod_name)
        if kind == "iscsi":
            _check_portal(report, source, path, name)
    if not found:
        report.required(path, "must specify a volume type")


def _check_portal(report: Report, source: Object, path: str, name: str) -> None:
    if source.get("initiatorName") is not None:
        portal = report.text(source, "targetPortal", f"{path}.iscsi")
        if len(f"{name}:{portal}") > 64:
            report.invalid(f"{path}.name", name, sources.ISCSI_TOO_LONG)


def _check_claim_name(report: Report, path: str, name: str, pod_name: str) -> None:
    if pod_name and name:
        claim = f"{pod_name}-{name}"
        said = [f'PVC name "{claim}": {why}' for why in names.dns1123_subdomain(claim)]
        report.said(f"{path}.name", name, said)


def _check_empty_dir(report: Report, source: Object, path: str) -> None:
    size = report.quantity(source, "sizeLimit", path)
    if size is not None and size.nano < 0:
        report.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _check_secret(report: Report, source: Object, path: str) -> None:
    needs(report, source, path, "secretName")
    check_keys(report, source, path)


def _check_config_map(report: Report, source: Object, path: str) -> None:
    needs(report, source, path, "name")
    check_keys(report, source, path)


def _check_volume_claim(report: Report, source: Object, path: str) -> None:
    needs(report, source, path, "claimName")


def _check_ephemeral(report: Report, source: Object, path: str) -> None:
    template = report.child(source, "volumeClaimTemplate", path)
    if template is None:
        report.required(f"{path}.volumeClaimTemplate")
    else:
        check_claim_template(report, template, f"{path}.volumeClaimTemplate")


def _check_image(report: Report, source: Object, path: str) -> None:
    policy = report.text(source, "pullPolicy", path)
    if policy not in PULL_POLICIES:
        report.not_supported(f"{path}.pullPolicy", policy, PULL_POLICIES)


# In the order in which upstream looks.
SOURCES: Mapping[str, Check] = {
    "emptyDir": _check_empty_dir,
    "hostPath": sources.check_host_path,
    "gitRepo": sources.check_git,
    "gcePersistentDisk": sources.check_gce_disk,
    "awsElasticBlockStore": sources.check_aws_disk,
    "secret": _check_secret,
    "nfs": sources.check_nfs,
    "iscsi": sources.check_iscsi,
    "glusterfs": sources.check_glusterfs,
    "flocker": sources.check_flocker,
    "persistentVolumeClaim": _check_volume_claim,
    "rbd": sources.check_rbd,
    "cinder": sources.check_cinder,
    "cephfs": sources.check_cephfs,
    "quobyte": sources.check_quobyte,
    "downwardAPI": check_downward,
    "fc": sources.check_fc,
    "flexVolume": sources.check_flex,
    "configMap": _check_config_map,
    "azureFile": sources.check_azure_file,
    "vsphereVolume": sources.check_vsphere,
    "photonPersistentDisk": sources.check_photon,
    "portworxVolume": sources.check_portworx,
    "azureDisk": sources.check_azure_disk,
    "storageos": sources.check_storage_os,
    "projected": check_projected,
    "scaleIO": sources.check_scale_io,
    "csi": sources.check_csi,
    "ephemeral": _check_ephemeral,
    "image": _check_image,
}
