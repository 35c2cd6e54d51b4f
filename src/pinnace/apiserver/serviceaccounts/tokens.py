"""Issuing service account tokens: the `serviceaccounts/<name>/token` subresource."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pinnace.api.errors import BadRequest, Cause, conflict, invalid, not_found
from pinnace.api.kinds.core import NODES, PODS, SECRETS, SERVICEACCOUNTS
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.service_accounts import username
from pinnace.kit.jws import Signer

DEFAULT_SECONDS = 3600
MINIMUM_SECONDS = 600
MAXIMUM_SECONDS = 1 << 32
# What the ServiceAccount admission plug-in asks for; such tokens live longer than they say, for
# clients that read their token only once.
WARN_ONLY_SECONDS = 3607
EXTENDED_SECONDS = 365 * 24 * 3600

_GROUP = "authentication.k8s.io"
_KIND = "TokenRequest"


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token is bound to, beside its service account."""

    pod: Object | None = None
    secret: Object | None = None
    node: Object | None = None


class TokenIssuer:
    """Signs tokens; `private_key` is an RSA or ECDSA key in PEM."""

    def __init__(
        self,
        *,
        issuer: str,
        private_key: bytes,
        api_audiences: tuple[str, ...],
        now: Callable[[], datetime],
        maximum_seconds: int = 0,
        extend: bool = True,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._issuer = issuer
        self._signer = Signer(private_key)
        self._api_audiences = api_audiences
        self._now = now
        self._maximum = maximum_seconds
        self._extend = extend
        self._new_id = new_id

    def request(
        self, body: Object, *, namespace: str, name: str, lookup: Lookup, warnings: list[str]
    ) -> Object:
        """Answer a TokenRequest for a service account; raises ApiError. The body is not changed."""
        account, request = self.prepare(body, namespace=namespace, name=name, lookup=lookup)
        bound = _bound(request["spec"].get("boundObjectRef"), namespace, name, lookup)
        return self.issue(request, account, bound, warnings)

    def prepare(
        self, body: Object, *, namespace: str, name: str, lookup: Lookup
    ) -> tuple[Object, Object]:
        """Return the service account and the request with its defaults, or refuse it."""
        meta = dict(body.get("metadata") or {})
        _check_names(meta, namespace, name)
        account = lookup.get(SERVICEACCOUNTS, namespace, name)
        if account is None:
            raise not_found("serviceaccounts", "", name)
        uid = account["metadata"]["uid"]
        if meta.get("uid") and meta["uid"] != uid:
            raise conflict(
                _KIND, _GROUP, name,
                f"the UID in the token request ({meta['uid']}) does not match the UID of the"
                f" service account ({uid})",
            )  # fmt: skip
        spec = dict(body.get("spec") or {})
        spec["audiences"] = list(spec.get("audiences") or self._api_audiences)
        if spec.get("expirationSeconds") is None:
            spec["expirationSeconds"] = DEFAULT_SECONDS
        _check_seconds(spec["expirationSeconds"])
        meta |= {"name": name, "namespace": namespace, "uid": uid}
        meta["creationTimestamp"] = format_time(self._now())
        kind = {"kind": _KIND, "apiVersion": f"{_GROUP}/v1"}
        return account, {**body, **kind, "metadata": meta, "spec": spec}

    def issue(self, request: Object, account: Object, bound: Bound, warnings: list[str]) -> Object:
        """Sign a token for a request that has been checked."""
        spec = dict(request["spec"])
        seconds = spec["expirationSeconds"]
        if 0 < self._maximum < seconds:
            warnings.append(
                f"requested expiration of {seconds} seconds shortened to {self._maximum} seconds"
            )
            seconds = spec["expirationSeconds"] = self._maximum
        lives, warn_after = seconds, 0
        for_api = all(audience in self._api_audiences for audience in spec["audiences"])
        if self._extend and bound.pod and seconds == WARN_ONLY_SECONDS and for_api:
            lives, warn_after = EXTENDED_SECONDS, seconds
        now = self._now()
        claims = token_claims(
            account, bound, audiences=spec["audiences"], seconds=lives, warn_after=warn_after,
            now=now, token_id=self._new_id(),
        )  # fmt: skip
        status = {
            "token": self.sign(claims),
            "expirationTimestamp": format_time(now + timedelta(seconds=seconds)),
        }
        return {**request, "spec": spec, "status": status}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the token that makes these claims in this issuer's name."""
        return self._signer.sign({**claims, "iss": self._issuer})

    def take_key(self, private_key: bytes) -> None:
        """Sign with another key from now on; raises X509Error and JwsError."""
        self._signer = Signer(private_key)


def token_claims(
    account: Object,
    bound: Bound,
    *,
    audiences: list[str],
    seconds: int,
    warn_after: int,
    now: datetime,
    token_id: str,
) -> dict[str, Any]:
    """Return all claims of a token but its issuer."""
    meta = account["metadata"]
    issued = int(now.timestamp())
    private: dict[str, Any] = {
        "namespace": meta["namespace"],
        "serviceaccount": _named(account),
    }
    for key, obj in (("pod", bound.pod), ("secret", bound.secret), ("node", bound.node)):
        if obj is not None:
            private[key] = _named(obj)
    if warn_after:
        private["warnafter"] = issued + warn_after
    return {
        "aud": audiences,
        "exp": issued + seconds,
        "iat": issued,
        "jti": token_id,
        "kubernetes.io": private,
        "nbf": issued,
        "sub": username(meta["namespace"], meta["name"]),
    }


def _named(obj: Object) -> dict[str, str]:
    meta = obj["metadata"]
    named = {"name": meta["name"]}
    if meta.get("uid"):
        named["uid"] = meta["uid"]
    return named


def _check_names(meta: Object, namespace: str, name: str) -> None:
    for field, value in (("name", name), ("namespace", namespace)):
        given = meta.get(field)
        if given and given != value:
            text = f'Invalid value: "{given}": must match the service account {field} if specified'
            raise invalid(
                _KIND, _GROUP, name, [Cause("FieldValueInvalid", f"metadata.{field}", text)]
            )


def _check_seconds(seconds: object) -> None:
    if not isinstance(seconds, int):
        raise BadRequest("spec.expirationSeconds must be an integer")
    if seconds < MINIMUM_SECONDS:
        why = "may not specify a duration less than 10 minutes"
    elif seconds > MAXIMUM_SECONDS:
        why = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    cause = Cause("FieldValueInvalid", "spec.expirationSeconds", f"Invalid value: {seconds}: {why}")
    raise invalid(_KIND, _GROUP, "", [cause])


def _bound(reference: Object | None, namespace: str, account: str, lookup: Lookup) -> Bound:
    """Return the object that the reference names, or refuse it."""
    if reference is None:
        return Bound()
    kind, version, name = (str(reference.get(key) or "") for key in ("kind", "apiVersion", "name"))
    group, _, bare = version.rpartition("/")
    if not group and kind == "Pod":
        pod = _found(PODS, namespace, name, lookup)
        if (pod.get("spec") or {}).get("serviceAccountName") != account:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{account}" to pod running with different'
                " serviceaccount name."
            )
        bound = Bound(pod=pod, node=_node_of(pod, lookup))
    elif not group and kind == "Node":
        bound = Bound(node=_found(NODES, "", name, lookup))
    elif not group and kind == "Secret":
        bound = Bound(secret=_found(SECRETS, namespace, name, lookup))
    else:
        raise BadRequest(f"cannot bind token to object of type {group}/{bare}, Kind={kind}")
    _check_uid(bound.pod or bound.secret or bound.node or {}, kind, reference)
    return bound


def _node_of(pod: Object, lookup: Lookup) -> Object | None:
    name = (pod.get("spec") or {}).get("nodeName")
    if not name:
        return None
    # A node that is not there is still named, only without a uid.
    return lookup.get(NODES, "", name) or {"metadata": {"name": name}}


def _found(row: Resource, namespace: str, name: str, lookup: Lookup) -> Object:
    obj = lookup.get(row, namespace, name)
    if obj is None:
        raise not_found(row.plural, row.group, name)
    return obj


def _check_uid(obj: Object, kind: str, reference: Object) -> None:
    uid = reference.get("uid")
    if uid and uid != obj["metadata"].get("uid"):
        raise conflict(
            kind, "", str(reference.get("name") or ""),
            f"the UID in the bound object reference ({uid}) does not match the UID in record."
            " The object might have been deleted and then recreated",
        )  # fmt: skip
