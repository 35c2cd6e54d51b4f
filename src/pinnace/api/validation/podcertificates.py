"""Rules of PodCertificateRequests. Upstream: `pkg/apis/certificates/validation`."""

import base64
import binascii
import re
from datetime import datetime, timedelta

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, too_long
from pinnace.api.validation.conditions import check_conditions
from pinnace.api.validation.signers import check_signer_name, is_kubernetes_signer
from pinnace.kit.keyproofs import Leaf, PublicKey, Unreadable, read_key, read_leaf, read_request
from pinnace.kit.pem import Block, blocks

FINAL = ("Issued", "Denied", "Failed")
_UID_LIMIT = 128
_PROOF_LIMIT, _CHAIN_LIMIT = 10 * 1024, 100 * 1024
_SHORTEST, _LONGEST, _LONGEST_OWN = 3600, 91 * 24 * 3600, 24 * 3600
_ANNOTATIONS_LIMIT = 256 * 1024
_KEYS = "unknown public key type; supported types are Ed25519, ECDSA, and RSA"
_KEY, _PROOF, _REQUEST = (
    "spec.pkixPublicKey", "spec.proofOfPossession", "spec.stubPKCS10Request",
)  # fmt: skip
_CHAIN = "status.certificateChain"
_TEN_MINUTES = timedelta(minutes=10)
_EMAIL = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[^\s@<>(),;:\\\"]+")


def _omitted(report: Report, path: str, detail: str) -> None:
    report.add(Cause("FieldValueInvalid", path, f"Invalid value: {detail}"))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def check_request(report: Report, request: Object) -> None:
    """Check a new request."""
    spec = report.child(request, "spec", "") or {}
    signer = report.text(spec, "signerName", "spec")
    check_signer_name(report, signer, "spec.signerName")
    _check_annotations(report, spec)
    for what in ("pod", "serviceAccount", "node"):
        name, uid = (report.text(spec, f"{what}{part}", "spec") for part in ("Name", "UID"))
        report.said(f"spec.{what}Name", name, names.dns1123_subdomain(name))
        if not uid:
            report.invalid(f"spec.{what}UID", uid, "must not be empty")
        if len(uid.encode()) > _UID_LIMIT:
            report.add(too_long(f"spec.{what}UID", _UID_LIMIT))
    seconds, where = report.number(spec, "maxExpirationSeconds", "spec"), "maxExpirationSeconds"
    if seconds is None:
        report.required(f"spec.{where}", "must be set")
        return
    longest = _LONGEST_OWN if is_kubernetes_signer(signer) else _LONGEST
    if not _SHORTEST <= seconds <= longest:
        detail = f"must be in the range [{_SHORTEST}, {longest}]"
        report.invalid(f"spec.{where}", seconds, detail)
    _check_proof(report, spec)


def _check_annotations(report: Report, spec: Object) -> None:
    given, where = spec.get("unverifiedUserAnnotations"), "spec.unverifiedUserAnnotations"
    if not isinstance(given, dict):
        return
    for key in given:
        _check_key(report, str(key).lower(), where)
    if sum(len(str(k).encode()) + len(str(v).encode()) for k, v in given.items()) > (
        _ANNOTATIONS_LIMIT
    ):
        report.add(too_long(where, _ANNOTATIONS_LIMIT))


def _check_key(report: Report, key: str, where: str) -> None:
    if not key:
        report.required(where)
        return
    said = names.qualified_name(key)
    report.said(where, key, said)
    if not said and "/" not in key:
        detail = 'must be a domain-prefixed key (such as "acme.io/foo")'
        report.invalid(where, key, detail)


def _check_proof(report: Report, spec: Object) -> None:
    key, proof, request = (
        report.text(spec, name, "spec")
        for name in ("pkixPublicKey", "proofOfPossession", "stubPKCS10Request")
    )
    if request and not key and not proof:
        _check_stub(report, request)
    elif not request and key and proof:
        _check_signed(report, spec, key, proof)
    else:
        detail = (
            "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set"
        )
        _omitted(report, "spec", detail)


def _check_signed(report: Report, spec: Object, key_text: str, proof_text: str) -> None:
    der, proof = _decoded(key_text), _decoded(proof_text)
    for path, content in ((_KEY, der), (_PROOF, proof)):
        if len(content) > _PROOF_LIMIT:
            report.add(too_long(path, _PROOF_LIMIT))
            return
    try:
        key = read_key(der)
    except Unreadable:
        report.invalid(_KEY, key_text, "must be a valid PKIX-serialized public key")
        return
    if key.key is None:
        report.invalid(_KEY, key_text, _KEYS)
    elif _is_supported(report, key, _KEY, "P256 or P384") and not key.proves(
        str(spec.get("podUID") or "").encode(), proof
    ):
        _omitted(report, _PROOF, "could not verify proof-of-possession signature")


def _is_supported(report: Report, key: PublicKey, path: str, curves: str) -> bool:
    if key.curve:
        detail = f"elliptic public keys must use curve {curves}"
        report.invalid(path, f"curve {key.curve}", detail)
        return False
    if key.modulus:
        detail = "RSA keys must have modulus size 3072 or 4096"
        report.invalid(path, f"{key.modulus}-bit modulus", detail)
        return False
    return True


def _check_stub(report: Report, text: str) -> None:
    der = _decoded(text)
    if len(der) > _PROOF_LIMIT:
        report.add(too_long(_REQUEST, _PROOF_LIMIT))
        return
    try:
        key, is_signed = read_request(der)
    except Unreadable:
        _omitted(report, _REQUEST, "must be a valid PKCS#10 CSR")
        return
    if key.key is None:
        _omitted(report, _REQUEST, _KEYS)
    elif _is_supported(report, key, _REQUEST, "P256, P384, or P521") and not is_signed:
        _omitted(report, _REQUEST, "invalid signature")


def check_request_update(report: Report, request: Object, old: Object) -> None:
    """Check a request that is changed by its main door: what it asks for stays."""
    spec = request.get("spec") or {}
    if spec != (old.get("spec") or {}):
        shown = internal("certificates.PodCertificateRequestSpec", spec)
        report.invalid("spec", shown, IMMUTABLE)


def _kinds(request: Object) -> list[str]:
    """Return the types of the conditions that are true."""
    found = (request.get("status") or {}).get("conditions") or ()
    return [str(each.get("type")) for each in found if each.get("status") == "True"]


def check_status(report: Report, request: Object, old: Object) -> None:
    """Check a written status: what is issued, denied or failed stays as it is."""
    if report.causes:
        return
    status, before = request.get("status") or {}, old.get("status") or {}
    _check_conditions(report, status)
    if report.causes:
        return
    if set(_kinds(old)) & set(FINAL):
        if status != before:
            detail = "immutable after PodCertificateRequest is issued, denied, or failed"
            _omitted(report, "status", detail)
        return
    kinds = _kinds(request)
    if "Denied" in kinds or "Failed" in kinds:
        if status.keys() - {"conditions"}:
            detail = (
                "non-condition status fields must be empty when denying or failing the "
                "PodCertificateRequest"
            )
            _omitted(report, "status", detail)
    elif "Issued" in kinds:
        _check_issued(report, status, old.get("spec") or {})
    elif status != before:
        detail = 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"'
        _omitted(report, "status", detail)


def _check_conditions(report: Report, status: Object) -> None:
    known = 0
    for index, (_, condition) in enumerate(report.objects(status, "conditions", "status")):
        at = f"status.conditions.[{index}]"  # with a dot, as upstream writes it here
        kind = report.text(condition, "type", at)
        if kind not in FINAL:
            report.not_supported(f"{at}.type", kind, FINAL)
            continue
        known += 1
        if known > 1:
            detail = 'There may be at most one condition with type "Issued", "Denied", or "Failed"'
            report.invalid(f"{at}.type", kind, detail)
        if condition.get("status") != "True":
            report.not_supported(f"{at}.status", condition.get("status") or "", ("True",))
    check_conditions(report, status, "status")


def _check_issued(report: Report, status: Object, spec: Object) -> None:
    chain = str(status.get("certificateChain") or "")
    if len(chain.encode()) > _CHAIN_LIMIT:
        report.add(too_long(_CHAIN, _CHAIN_LIMIT))
        return
    found = list(blocks(chain.encode()))
    leaf = _leaf(report, chain, found)
    if leaf is None:
        return
    _check_names(report, leaf)
    wanted = _wanted_key(report, spec)
    if wanted is None:
        return
    if wanted.key is not None and wanted.key != leaf.key.key:
        detail = "leaf certificate was not issued to the requested public key"
        report.invalid(_CHAIN, chain, detail)
        return
    if _check_times(report, status, spec, leaf):
        _check_rest(report, chain, found[1:])


def _leaf(report: Report, chain: str, found: list[Block]) -> Leaf | None:
    if not found:
        detail = "issued certificate chain must contain at least one certificate"
        report.invalid(_CHAIN, chain, detail)
        return None
    if found[0].kind != "CERTIFICATE":
        detail = "issued certificate chain must consist entirely of CERTIFICATE PEM blocks"
        report.invalid(_CHAIN, chain, detail)
        return None
    try:
        return read_leaf(found[0].content)
    except Unreadable:
        report.invalid(_CHAIN, chain, "leaf certificate does not parse as valid X.509")
        return None


def _check_names(report: Report, leaf: Leaf) -> None:
    for name in leaf.dns_names:
        if not name:
            report.invalid(_CHAIN, name, "leaf certificate should not contain empty DNSName")
        if ".." in name:
            report.invalid(_CHAIN, name, "leaf certificate's DNSName should not contain '..'")
        if name.startswith(".") or name.endswith("."):
            detail = "leaf certificate's DNSName should not start or end with '.'"
            report.invalid(_CHAIN, name, detail)
    for email in leaf.emails:
        if not _EMAIL.fullmatch(email):
            detail = "leaf certificate should not contain invalid EmailAddress"
            report.invalid(_CHAIN, email, detail)


def _wanted_key(report: Report, spec: Object) -> PublicKey | None:
    try:
        if spec.get("stubPKCS10Request"):
            return read_request(_decoded(spec["stubPKCS10Request"]))[0]
    except Unreadable:
        _omitted(report, _REQUEST, "must be a valid PKCS#10 CSR")
        return None
    try:
        return read_key(_decoded(spec.get("pkixPublicKey") or ""))
    except Unreadable:
        _omitted(report, _KEY, "must be a valid PKIX-serialized public key")
        return None


def _check_times(report: Report, status: Object, spec: Object, leaf: Leaf) -> bool:
    """Check the times of a leaf; return whether they are right, since only the first fault counts.

    That it begins about now is the server's to say, which knows the time.
    """
    consistent = "must be present and consistent with the issued certificate"
    details = {
        "notBefore": consistent,
        "notAfter": consistent,
        "beginRefreshAt": "must be present and in the range [notbefore+10min, notafter-10min]",
    }
    for name, detail in details.items():
        if not status.get(name):
            report.required(f"status.{name}", detail)
    if report.causes:
        return False
    times = {name: parse_time(status[name]) for name in details}
    for name, time in (("notBefore", leaf.not_before), ("notAfter", leaf.not_after)):
        if times[name] != time:
            encoded = f"{name[0].upper()}{name[1:]}"
            detail = f"must be set to the {encoded} time encoded in the leaf certificate"
            report.invalid(f"status.{name}", _shown(times[name]), detail)
            return False
    fault = _lifetime_fault(leaf.not_after - leaf.not_before, spec)
    if fault:
        report.invalid(_CHAIN, _nanoseconds(leaf.not_after - leaf.not_before), fault)
        return False
    refresh = times["beginRefreshAt"]
    for is_wrong, detail in (
        (refresh < leaf.not_before + _TEN_MINUTES, "after status.notBefore"),
        (refresh > leaf.not_after - _TEN_MINUTES, "before status.notAfter"),
    ):
        if is_wrong:
            told = f"must be at least 10 minutes {detail}"
            report.invalid("status.beginRefreshAt", _shown(refresh), told)
            return False
    return True


def _lifetime_fault(lifetime: timedelta, spec: Object) -> str:
    longest = spec.get("maxExpirationSeconds") or 0
    if lifetime < timedelta(hours=1):
        return "leaf certificate lifetime must be >= 1 hour"
    if lifetime > timedelta(seconds=longest):
        return f"leaf certificate lifetime must be <= spec.maxExpirationSeconds ({longest})"
    return ""


def _nanoseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1000


def _shown(time: datetime) -> str:
    return format_time(time)


def _check_rest(report: Report, chain: str, found: list[Block]) -> None:
    for block in found:
        if block.kind != "CERTIFICATE":
            detail = "issued certificate chain must consist entirely of CERTFICATE PEM blocks"
            report.invalid(_CHAIN, chain, detail)
            return
        try:
            read_leaf(block.content)
        except Unreadable:
            detail = "intermediate certificate does not parse as valid X.509"
            report.invalid(_CHAIN, chain, detail)
            return
