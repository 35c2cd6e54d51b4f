"""Rules of CertificateSigningRequests, by each of their doors, and of ClusterTrustBundles."""

import base64
import binascii
from dataclasses import dataclass, replace

from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, quoted, too_long
from pinnace.api.validation.metadata import check_metadata, check_metadata_update
from pinnace.api.validation.signers import bundle_name, check_signer_name
from pinnace.kit.pem import anchor_fault, blocks, certificates_fault, request_fault

LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign",
    "data encipherment", "decipher only", "digital signature", "email protection",
    "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
    "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth",
    "signing", "timestamping",
)  # fmt: skip
STATUSES = ("False", "True", "Unknown")
VERDICTS = ("Approved", "Denied")
FINAL = (*VERDICTS, "Failed")
EXCLUSIVE = "Approved and Denied conditions are mutually exclusive"
BUNDLE_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leave:
    """What a request may have or do: by the door it comes through, or because it is stored so."""

    both_verdicts: bool = False
    legacy_signer: bool = False
    same_types: bool = False
    no_type: bool = False
    any_certificate: bool = False
    unknown_usages: bool = False
    same_usages: bool = False
    set_verdicts: bool = False
    set_certificate: bool = False


def _leave(request: Object, old: Object) -> _Leave:
    spec = old.get("spec") or {}
    usages, kinds = list(spec.get("usages") or ()), [c.get("type") or "" for c in _conditions(old)]
    held = _certificate(old)
    return _Leave(
        both_verdicts=set(VERDICTS) <= set(kinds),
        legacy_signer=spec.get("signerName") == LEGACY_SIGNER,
        same_types=len(set(kinds)) < len(kinds),
        no_type="" in kinds,
        any_certificate=held == _certificate(request)
        or bool(held and certificates_fault(_decoded(held))),
        unknown_usages=not set(usages) <= set(USAGES),
        same_usages=len(set(usages)) < len(usages),
    )


def _certificate(request: Object) -> str:
    return (request.get("status") or {}).get("certificate") or ""


def _conditions(request: Object) -> list[Object]:
    found = (request.get("status") or {}).get("conditions") or ()
    return [condition for condition in found if isinstance(condition, dict)]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def any_name(name: str) -> list[str]:
    """Find nothing wrong with any name: that of a request is not looked at."""
    return []


def check_request(report: Report, request: Object) -> None:
    """Check a new CertificateSigningRequest."""
    _check_request(report, request, _Leave())


def _check_request(report: Report, request: Object, leave: _Leave) -> None:
    spec = report.child(request, "spec", "") or {}
    text = report.text(spec, "request", "spec")
    fault = request_fault(_decoded(text))
    if fault:
        report.invalid("spec.request", text or None, fault)
    _check_usages(report, spec, leave)
    signer, where = report.text(spec, "signerName", "spec"), "spec.signerName"
    if signer == LEGACY_SIGNER and not leave.legacy_signer:
        detail = "the legacy signerName is not allowed via this API version"
        report.invalid(where, signer, detail)
    else:
        check_signer_name(report, signer, where)
    seconds = report.number(spec, "expirationSeconds", "spec")
    if seconds is not None and seconds < 600:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        report.invalid("spec.expirationSeconds", seconds, detail)
    _check_conditions(report, request, leave)
    certificate = _certificate(request)
    if certificate and not leave.any_certificate:
        fault = certificates_fault(_decoded(certificate))
        if fault:
            report.invalid("status.certificate", "<certificate data>", fault)


def _check_usages(report: Report, spec: Object, leave: _Leave) -> None:
    usages = report.texts(spec, "usages", "spec")
    if not usages:
        report.required("spec.usages")
    for index, usage in enumerate(usages if not leave.unknown_usages else ()):
        if usage not in USAGES:
            report.not_supported(f"spec.usages[{index}]", usage, USAGES)
    for index, usage in enumerate(usages if not leave.same_usages else ()):
        if usage in usages[:index]:
            report.duplicate(f"spec.usages[{index}]", usage)


def _check_conditions(report: Report, request: Object, leave: _Leave) -> None:
    status = report.child(request, "status", "") or {}
    seen: set[str] = set()
    for path, condition in report.objects(status, "conditions", "status"):
        kind = report.text(condition, "type", path)
        if not kind and not leave.no_type:
            report.required(f"{path}.type")
        report.one_of(condition, "status", path, ("True",) if kind in FINAL else STATUSES)
        if kind in VERDICTS and not leave.both_verdicts and set(VERDICTS) <= {*seen, kind}:
            report.invalid("status.conditions", kind, EXCLUSIVE)
        if kind in seen and not leave.same_types:
            report.duplicate(f"{path}.type", kind)
        seen.add(kind)


def check_request_update(report: Report, request: Object, old: Object) -> None:
    """Check a request that is changed by its main door."""
    _check_update(report, request, old, _leave(request, old))


def check_status(report: Report, request: Object, old: Object) -> None:
    """Check a request that is given its certificate."""
    _check_update(report, request, old, replace(_leave(request, old), set_certificate=True))


def check_approval(report: Report, request: Object, old: Object) -> None:
    """Check a request that is given its verdict."""
    _check_update(report, request, old, replace(_leave(request, old), set_verdicts=True))


def _check_update(report: Report, request: Object, old: Object, leave: _Leave) -> None:
    check_metadata(report, request, namespaced=False, name_rule=any_name)
    _check_request(report, request, leave)
    where = "status.conditions"
    for kind in FINAL:
        if len(_of_kind(request, kind)) < len(_of_kind(old, kind)):
            report.forbidden(where, f"updates may not remove a condition of type {quoted(kind)}")
    for kind in VERDICTS if not leave.set_verdicts else ():
        new, before = _of_kind(request, kind), _of_kind(old, kind)
        if len(new) > len(before):
            report.forbidden(where, f"updates may not add a condition of type {quoted(kind)}")
        elif len(new) == len(before) and new != before:
            report.forbidden(where, f"updates may not modify a condition of type {quoted(kind)}")
    held = _certificate(old)
    if _certificate(request) != held:
        where = "status.certificate"
        if not leave.set_certificate:
            report.forbidden(where, "updates may not set certificate content")
        elif held:
            report.forbidden(where, "updates may not modify existing certificate content")
    check_metadata_update(report, request, old)


def _of_kind(request: Object, kind: str) -> list[Object]:
    return [condition for condition in _conditions(request) if condition.get("type") == kind]


def check_bundle(report: Report, bundle: Object) -> None:
    """Check a new ClusterTrustBundle."""
    _check_bundle_name(report, bundle)
    _check_bundle(report, bundle, parse=True)


def _check_bundle_name(report: Report, bundle: Object) -> None:
    spec, meta = bundle.get("spec"), bundle.get("metadata")
    signer = spec.get("signerName") or "" if isinstance(spec, dict) else ""
    name = meta.get("name") if isinstance(meta, dict) else ""
    if isinstance(name, str) and name and isinstance(signer, str):
        report.said("metadata.name", name, bundle_name(name, signer))


def _check_bundle(report: Report, bundle: Object, *, parse: bool) -> None:
    spec = report.child(bundle, "spec", "") or {}
    signer = report.text(spec, "signerName", "spec")
    if signer:
        check_signer_name(report, signer, "spec.signerName")
    text = report.text(spec, "trustBundle", "spec")
    if parse:
        _check_anchors(report, text.encode("utf-8", "surrogatepass"), "spec.trustBundle")


def _check_anchors(report: Report, text: bytes, path: str) -> None:
    if len(text) > BUNDLE_LIMIT:
        report.add(too_long(path, BUNDLE_LIMIT))
        return
    places: dict[bytes, list[int]] = {}
    fine = True
    for index, block in enumerate(blocks(text)):
        fault = anchor_fault(block)
        if fault:
            fine = False
            report.invalid(path, "<value omitted>", f"entry {index} {fault}")
        else:
            places.setdefault(block.content, []).append(index)
    if not fine:
        return
    if not places:
        report.invalid(path, "<value omitted>", "at least one trust anchor must be provided")
    for indices in places.values():
        if len(indices) > 1:
            listed = " ".join(map(str, indices))
            detail = f"duplicate trust anchor (indices [{listed}])"
            report.invalid(path, "<value omitted>", detail)


def check_bundle_update(report: Report, bundle: Object, old: Object) -> None:
    """Check a changed ClusterTrustBundle: the signer stays."""
    spec, before = report.child(bundle, "spec", "") or {}, old.get("spec") or {}
    _check_bundle_name(report, bundle)
    _check_bundle(report, bundle, parse=spec.get("trustBundle") != before.get("trustBundle"))
    new, was = spec.get("signerName") or "", before.get("signerName") or ""
    report.immutable(new, was, "spec.signerName")
