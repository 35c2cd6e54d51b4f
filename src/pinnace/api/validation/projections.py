"""Rules of what is projected into files: keys, facts of the pod, tokens, certificates."""

from collections.abc import Callable, Mapping

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_long
from pinnace.api.validation.environment import VOLUME_FIELDS, check_field_ref, check_resource_ref
from pinnace.api.validation.metadata import (
    ANNOTATIONS_LIMIT,
    annotations_size,
    check_selector,
)
from pinnace.api.validation.paths import check_local_path
from pinnace.api.validation.signers import (
    check_signer_name,
    is_kubernetes_signer,
    trust_bundle_name,
)

MODE = "must be a number between 0 and 0777 (octal), both inclusive"
CONFLICT = "conflicting duplicate paths"
KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
DAY = 86400
CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")


def check_mode(report: Report, source: Object, key: str, path: str) -> None:
    """Check a file mode, if there is one."""
    mode = report.number(source, key, path)
    if mode is not None and not 0 <= mode <= 0o777:
        report.invalid(f"{path}.{key}", mode, MODE)


def check_key(report: Report, item: Object, path: str) -> str:
    """Check which file a key goes to; return the file."""
    if not report.text(item, "key", path):
        report.required(f"{path}.key")
    file = report.text(item, "path", path)
    if not file:
        report.required(f"{path}.path")
    check_local_path(report, file, f"{path}.path")
    check_mode(report, item, "mode", path)
    return file


def check_keys(report: Report, source: Object, path: str) -> None:
    """Check the mode and the files of a volume made of keys."""
    check_mode(report, source, "defaultMode", path)
    for at, item in report.objects(source, "items", path):
        check_key(report, item, at)


def check_downward(report: Report, source: Object, path: str) -> None:
    """Check a volume made of facts of the pod."""
    check_mode(report, source, "defaultMode", path)
    for _, file in report.objects(source, "items", path):
        check_downward_file(report, file, path)


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
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            report.invalid(path, "resource", detail)
    elif resource is not None:
        check_resource_ref(report, resource, f"{path}.resourceFieldRef", in_volume=True)
    else:
        report.required(path, "one of fieldRef and resourceFieldRef is required")
    check_mode(report, file, "mode", path)
    return target


def check_projected(report: Report, source: Object, path: str) -> None:
    """Check a projected volume: each source, and that no two write the same file."""
    check_mode(report, source, "defaultMode", path)
    taken: set[str] = set()
    for at, projection in report.objects(source, "sources", path):
        given = 0
        for key, check in PROJECTIONS.items():
            part = report.child(projection, key, at)
            if part is not None:
                given += 1
                check(report, part, f"{at}.{key}", path, taken)
        if given > 1:
            report.forbidden(at, "may not specify more than 1 volume type per source")


def _take(report: Report, taken: set[str], file: str, path: str, shown: str) -> None:
    if file in taken:
        report.invalid(path, shown, CONFLICT)
    taken.add(file)


def _keys(report: Report, part: Object, where: str, path: str, taken: set[str]) -> None:
    name = report.text(part, "name", where)
    if not name:
        report.required(f"{where}.name")
    for at, item in report.objects(part, "items", where):
        file = check_key(report, item, at)
        if file:
            _take(report, taken, file, path, name)


def _downward(report: Report, part: Object, where: str, path: str, taken: set[str]) -> None:
    for _, item in report.objects(part, "items", where):
        file = check_downward_file(report, item, where)
        if file:
            _take(report, taken, file, path, file)


def _token(report: Report, token: Object, where: str, path: str, taken: set[str]) -> None:
    seconds, at = report.number(token, "expirationSeconds", where) or 0, "expirationSeconds"
    if seconds < 600:
        detail = "may not specify a duration less than 10 minutes"
        report.invalid(f"{where}.{at}", seconds, detail)
    if seconds > 1 << 32:
        detail = "may not specify a duration larger than 2^32 seconds"
        report.invalid(f"{where}.{at}", seconds, detail)
    file = report.text(token, "path", where)
    if not file:
        report.required(f"{path}.path")
    else:
        check_local_path(report, file, f"{path}.path")


def _trust_bundle(report: Report, bundle: Object, where: str, path: str, taken: set[str]) -> None:
    by_name, by_signer = bundle.get("name") is not None, bundle.get("signerName") is not None
    if by_name and by_signer:
        shown = {
            "Name": bundle["name"],
            "SignerName": bundle["signerName"],
            "LabelSelector": bundle.get("labelSelector"),
            "Optional": bundle.get("optional"),
            "Path": bundle.get("path", ""),
        }
        report.invalid(where, shown, "only one of name and signerName may be used")
    elif by_name:
        name = report.text(bundle, "name", where)
        if not name:
            report.required(f"{where}.name", "must be a valid object name")
        said = [f"not a valid clustertrustbundlename: {why}" for why in trust_bundle_name(name)]
        report.said(f"{where}.name", name, said)
        if bundle.get("labelSelector") is not None:
            detail = "labelSelector must be unset if name is specified"
            report.invalid(f"{where}.labelSelector", bundle["labelSelector"], detail)
    elif by_signer:
        signer = report.text(bundle, "signerName", where)
        if not signer:
            report.required(f"{where}.signerName", "must be a valid signer name")
        check_signer_name(report, signer, f"{where}.signerName")
        check_selector(report, bundle, "labelSelector", where)
    else:
        report.required(where, "either name or signerName must be specified")
    file = report.text(bundle, "path", where)
    if not file:
        report.required(f"{where}.path")
    check_local_path(report, file, f"{where}.path")
    _take(report, taken, file, path, file)


def _certificate(report: Report, part: Object, where: str, path: str, taken: set[str]) -> None:
    signer = report.text(part, "signerName", where)
    check_signer_name(report, signer, f"{where}.signerName")
    annotations = report.mapping(part, "userAnnotations", where)
    for key in sorted(annotations):
        _check_domain_key(report, key.lower(), f"{where}.userAnnotations")
    if annotations_size(annotations) > ANNOTATIONS_LIMIT:
        report.add(too_long(f"{where}.userAnnotations", ANNOTATIONS_LIMIT))
    kind = report.text(part, "keyType", where)
    if kind not in KEY_TYPES:
        report.not_supported(f"{where}.keyType", kind, KEY_TYPES)
    _check_life(report, part, where, signer)
    given = 0
    for key in CERTIFICATE_PATHS:
        file = report.text(part, key, where)
        if file:
            given += 1
            check_local_path(report, file, f"{where}.{key}")
            _take(report, taken, file, path, file)
    if not given:
        detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        report.required(where, detail)


def _check_domain_key(report: Report, key: str, path: str) -> None:
    said = names.qualified_name(key)
    if not key:
        report.required(path)
    elif said:
        report.said(path, key, said)
    elif "/" not in key:
        report.invalid(path, key, 'must be a domain-prefixed key (such as "acme.io/foo")')


def _check_life(report: Report, part: Object, where: str, signer: str) -> None:
    seconds, at = report.number(part, "maxExpirationSeconds", where), "maxExpirationSeconds"
    if seconds is None:
        return
    if seconds < 3600:
        report.invalid(
            f"{where}.{at}", seconds, "if provided, maxExpirationSeconds must be >= 3600"
        )
    most = DAY if is_kubernetes_signer(signer) else 91 * DAY
    if seconds > most:
        detail = f"if provided, maxExpirationSeconds must be <= {most}"
        report.invalid(f"{where}.{at}", seconds, detail)


PROJECTIONS: Mapping[str, Callable[[Report, Object, str, str, set[str]], None]] = {
    "secret": _keys,
    "configMap": _keys,
    "downwardAPI": _downward,
    "serviceAccountToken": _token,
    "clusterTrustBundle": _trust_bundle,
    "podCertificate": _certificate,
}
