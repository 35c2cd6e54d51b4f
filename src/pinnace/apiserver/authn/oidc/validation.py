"""The rules of an AuthenticationConfiguration, in upstream's order and words."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import re2

from pinnace.api.cel.authentication import CLAIMS, USER, compiled, names_claim
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.program import Program
from pinnace.api.errors import Cause
from pinnace.api.names import dns1123_subdomain
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_many
from pinnace.apiserver.authn.oidc.configuration import part, text
from pinnace.kit.x509 import X509Error, certificates, read_certificate

_MOST = 64
_BOTH = "claim and expression can't both be set"
_MATCH_ANY = "MatchAny"
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_RESERVED = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
_EMAIL = (
    "claims.email_verified must be used in claimMappings.username.expression or"
    " claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when"
    " claims.email is used in claimMappings.username.expression"
)
_PREFIX = (
    "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
)
_WITH_CLAIM = "may not be specified when claim is set"
Ruled = tuple[Program, str]


@dataclass(slots=True)
class Expressions:
    """The programs of one authenticator."""

    username: Program | None = None
    groups: Program | None = None
    uid: Program | None = None
    extra: list[tuple[str, Program]] = field(default_factory=list)
    claim_rules: list[Ruled] = field(default_factory=list)
    user_rules: list[Ruled] = field(default_factory=list)


def check(config: Object, disallowed: AbstractSet[str]) -> list[Cause]:
    """Return every broken rule; `disallowed` are the issuers of this cluster itself."""
    report = Report()
    jwt = config.get("jwt") or []
    if len(jwt) > _MOST:
        report.add(too_many("jwt", len(jwt), _MOST))
        return report.causes
    issuers: set[str] = set()
    documents: set[str] = set()
    for index, one in enumerate(jwt):
        path = f"jwt[{index}]"
        check_authenticator(one or {}, disallowed, report, path)
        issuer = part(one or {}, "issuer")
        for key, seen in (("url", issuers), ("discoveryURL", documents)):
            value = text(issuer, key)
            if value in seen and (value or key == "url"):
                report.duplicate(f"{path}.issuer.{key}", value)
            seen.add(value)
    anonymous = config.get("anonymous")
    if anonymous is not None and not anonymous.get("enabled") and anonymous.get("conditions"):
        report.invalid(
            "anonymous.conditions",
            [{"Path": text(one, "path")} for one in anonymous["conditions"]],
            "enabled should be set to true when conditions are defined",
        )
    return report.causes


def check_authenticator(
    one: Object, disallowed: AbstractSet[str], report: Report, path: str
) -> Expressions:
    """Tell of every broken rule of one authenticator, and return its programs."""
    found = Expressions()
    _check_issuer(part(one, "issuer"), disallowed, report, f"{path}.issuer")
    _check_claim_rules(one.get("claimValidationRules") or (), found, report, path)
    _check_mappings(part(one, "claimMappings"), found, report, f"{path}.claimMappings")
    _check_user_rules(one.get("userValidationRules") or (), found, report, path)
    return found


def _check_issuer(issuer: Object, disallowed: AbstractSet[str], report: Report, path: str) -> None:
    url, document = text(issuer, "url"), text(issuer, "discoveryURL")
    if url:
        _check_url(url, disallowed, report, f"{path}.url")
    else:
        report.required(f"{path}.url")
    if document:
        if url and url.rstrip("/") == document.rstrip("/"):
            why = "discoveryURL must be different from URL"
            report.invalid(f"{path}.discoveryURL", document, why)
        _check_url(document, frozenset(), report, f"{path}.discoveryURL")
    _check_audiences(issuer, report, path)
    ca = text(issuer, "certificateAuthority")
    if ca:
        try:
            for one in certificates(ca.encode()):
                read_certificate(one)
        except X509Error as error:
            report.invalid(f"{path}.certificateAuthority", "<omitted>", str(error))
    egress = text(issuer, "egressSelectorType")
    if egress not in ("", "controlplane", "cluster"):
        why = "egress selector must be either controlplane or cluster"
        report.invalid(f"{path}.egressSelectorType", egress, why)
    elif egress:
        why = f'oidc: egress lookup required with egress selector type "{egress}"'
        report.forbidden(f"{path}.egressSelectorType", why)


def _check_url(url: str, disallowed: AbstractSet[str], report: Report, path: str) -> None:
    if url in disallowed:
        listed = " ".join(sorted(disallowed))
        report.invalid(path, url, f"URL must not overlap with disallowed issuers: [{listed}]")
    try:
        found = urlsplit(url)
        _ = found.port
    except ValueError as error:
        report.invalid(path, url, f'parse "{url}": {error}')
        return
    if found.scheme != "https":
        report.invalid(path, url, "URL scheme must be https")
    if "@" in found.netloc:
        report.invalid(path, url, "URL must not contain a username or password")
    if found.query:
        report.invalid(path, url, "URL must not contain a query")
    if found.fragment:
        report.invalid(path, url, "URL must not contain a fragment")


def _check_audiences(issuer: Object, report: Report, path: str) -> None:
    audiences, where = issuer.get("audiences") or [], f"{path}.audiences"
    if not audiences:
        report.required(where, f"at least one {where} is required")
        return
    seen: set[str] = set()
    for index, audience in enumerate(audiences):
        if not audience:
            report.required(f"{where}[{index}]")
        if audience in seen:
            report.duplicate(f"{where}[{index}]", audience)
        seen.add(audience)
    policy, many = text(issuer, "audienceMatchPolicy"), len(audiences) > 1
    if policy == _MATCH_ANY or (not many and not policy):
        return
    why = "MatchAny for multiple audiences" if many else "empty or MatchAny for single audience"
    report.invalid(f"{path}.audienceMatchPolicy", policy, f"audienceMatchPolicy must be {why}")


def _check_claim_rules(
    rules: Iterable[Object], found: Expressions, report: Report, path: str
) -> None:
    claims: set[str] = set()
    expressions: set[str] = set()
    for index, rule in enumerate(rules):
        where = f"{path}.claimValidationRules[{index}]"
        claim, source, message = (text(rule, key) for key in ("claim", "expression", "message"))
        if claim and source:
            report.invalid(where, claim, _BOTH)
        elif claim:
            if message:
                report.invalid(f"{where}.message", message, _WITH_CLAIM)
            if claim in claims:
                report.duplicate(f"{where}.claim", claim)
            claims.add(claim)
        elif not source:
            report.required(where, "claim or expression is required")
        else:
            value = text(rule, "requiredValue")
            if value:
                why = "may not be specified when expression is set"
                report.invalid(f"{where}.requiredValue", value, why)
            _add_rule(rule, CLAIMS, found.claim_rules, expressions, report, where)


def _check_user_rules(
    rules: Iterable[Object], found: Expressions, report: Report, path: str
) -> None:
    expressions: set[str] = set()
    for index, rule in enumerate(rules):
        where = f"{path}.userValidationRules[{index}]"
        if not text(rule, "expression"):
            report.required(f"{where}.expression")
            continue
        _add_rule(rule, USER, found.user_rules, expressions, report, where)


def _add_rule(
    rule: Object,
    scope: Environment,
    into: list[Ruled],
    seen: set[str],
    report: Report,
    path: str,
) -> None:
    source = text(rule, "expression")
    if source in seen:
        report.duplicate(f"{path}.expression", source)
        return
    seen.add(source)
    program = _program(source, scope, report, f"{path}.expression", condition=True)
    if program is not None:
        into.append((program, text(rule, "message")))


def _program(
    source: str, scope: Environment, report: Report, path: str, *, condition: bool = False
) -> Program | None:
    try:
        return compiled(source, scope, condition=condition)
    except ValueError as error:
        report.invalid(path, source, str(error))
        return None


def _check_mappings(mappings: Object, found: Expressions, report: Report, path: str) -> None:
    found.username = _prefixed(part(mappings, "username"), report, f"{path}.username", needed=True)
    found.groups = _prefixed(part(mappings, "groups"), report, f"{path}.groups", needed=False)
    uid = part(mappings, "uid")
    source = text(uid, "expression")
    if source and text(uid, "claim"):
        report.invalid(f"{path}.uid", "", _BOTH)
    elif source:
        found.uid = _program(source, CLAIMS, report, f"{path}.uid.expression")
    keys: set[str] = set()
    for index, one in enumerate(mappings.get("extra") or ()):
        _check_extra(one, keys, found, report, f"{path}.extra[{index}]")
    username = found.username
    if username is None or not names_claim(username.expr, "email"):
        return
    looking = [username, *(p for p, _ in found.claim_rules), *(p for _, p in found.extra)]
    if not any(names_claim(program.expr, "email_verified") for program in looking):
        report.invalid(f"{path}.username.expression", username.source, _EMAIL)


def _prefixed(mapping: Object, report: Report, path: str, *, needed: bool) -> Program | None:
    claim, source, prefix = text(mapping, "claim"), text(mapping, "expression"), "prefix"
    if claim and source:
        report.invalid(path, "", _BOTH)
    elif source:
        if mapping.get(prefix) is not None:
            why = "may not be specified when expression is set"
            report.invalid(f"{path}.{prefix}", mapping[prefix], why)
        return _program(source, CLAIMS, report, f"{path}.expression")
    elif claim:
        if mapping.get(prefix) is None:
            report.required(f"{path}.{prefix}", _PREFIX)
    elif needed:
        report.required(path, "claim or expression is required")
    return None


def _check_extra(
    one: Object, keys: set[str], found: Expressions, report: Report, path: str
) -> None:
    key, source = text(one, "key"), text(one, "valueExpression")
    _check_key(key, report, f"{path}.key")
    if key in keys:
        report.duplicate(f"{path}.key", key)
        return
    keys.add(key)
    if not source:
        report.required(f"{path}.valueExpression")
        return
    program = _program(source, CLAIMS, report, f"{path}.valueExpression")
    if program is not None:
        found.extra.append((key, program))


def _check_key(key: str, report: Report, path: str) -> None:
    if not key:
        report.required(path)
        return
    host, _, rest = key.partition("/")
    if not host or not rest:
        report.invalid(path, key, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        report.said(path, host, dns1123_subdomain(host))
        if not re2.fullmatch(_PATH, rest):
            report.invalid(path, rest, f"Invalid path (regex used for validation is '{_PATH}')")
    if key != key.lower():
        report.invalid(path, key, "must be lowercase")
    domain = host if "/" in key else ""
    if f".{domain}".endswith((".kubernetes.io", ".k8s.io")):
        report.invalid(path, key, _RESERVED)
