"""Signing requests: what each of their doors lets through."""

import base64
import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.validation.table import (
    validate_create,
    validate_subresource_update,
    validate_update,
)
from pinnace.kit.x509 import Subject, key_pem, make_request

ROW = next(row for row in RESOURCES if row.kind == "CertificateSigningRequest")
PEM = make_request(key_pem(ec.generate_private_key(ec.SECP256R1())), Subject("a"))
APPROVED = {"type": "Approved", "status": "True", "reason": "R", "message": "m"}


def request(**spec: Any) -> Object:
    given = {
        "request": base64.b64encode(PEM).decode(),
        "signerName": "example.com/s",
        "usages": ["client auth"],
        **spec,
    }
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "a"},
        "spec": given,
        "status": {},
    }


def told(causes: list[Any]) -> list[str]:
    return [cause.text()[:90] for cause in causes]


def test_a_request_of_a_client_is_accepted() -> None:
    assert validate_create(ROW, request()) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"request": "YQ=="}, "PEM block type must be CERTIFICATE REQUEST"),
        ({"usages": []}, "spec.usages: Required value"),
        ({"usages": ["any", "any"]}, 'spec.usages[1]: Duplicate value: "any"'),
        ({"usages": ["other"]}, 'spec.usages[0]: Unsupported value: "other"'),
        ({"signerName": ""}, "spec.signerName: Required value"),
        ({"expirationSeconds": 1}, "may not specify a duration less than 600 seconds"),
        ({"signerName": "kubernetes.io/legacy-unknown"}, "the legacy signerName is not allowed"),
    ],
)
def test_what_a_request_may_not_be(spec: Object, expected: str) -> None:
    (cause,) = validate_create(ROW, request(**spec))
    assert expected in cause.text()


def test_only_approval_gives_a_verdict() -> None:
    old, new = request(), request()
    new["status"] = {"conditions": [APPROVED]}
    refused = 'status.conditions: Forbidden: updates may not add a condition of type "Approved"'
    assert told(validate_update(ROW, new, old)) == [refused]
    assert validate_subresource_update(ROW, "approval", new, old) == []


def test_nobody_takes_a_verdict_back_or_gives_both() -> None:
    old, new = request(), request()
    old["status"] = {"conditions": [APPROVED]}
    gone = 'status.conditions: Forbidden: updates may not remove a condition of type "Approved"'
    assert told(validate_subresource_update(ROW, "approval", new, old)) == [gone]
    both = copy.deepcopy(old)
    both["status"]["conditions"].append({**APPROVED, "type": "Denied"})
    (cause,) = validate_subresource_update(ROW, "approval", both, old)
    assert cause.text().endswith("Approved and Denied conditions are mutually exclusive")


def test_a_certificate_comes_through_the_status_and_is_one() -> None:
    old, new = request(), request()
    new["status"] = {"certificate": "YQ=="}
    (cause,) = validate_subresource_update(ROW, "status", new, old)
    assert cause.text().endswith("must contain at least one CERTIFICATE PEM block")
    found = told(validate_update(ROW, new, old))
    assert "status.certificate: Forbidden: updates may not set certificate content" in found
