"""Which authorizers a server has: by the flags, or by an AuthorizationConfiguration file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pinnace.api import names
from pinnace.api.codec import yaml as yaml_codec
from pinnace.api.durations import parse_duration
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, quoted, too_many
from pinnace.apiserver.authz import abac
from pinnace.apiserver.authz.base import joined
from pinnace.apiserver.authz.conditions import compile_condition
from pinnace.apiserver.authz.webhook import WebhookSettings
from pinnace.apiserver.hooks import kubeconfig

MODES = ("ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook")
_API, _KIND = "apiserver.config.k8s.io", "AuthorizationConfiguration"
_VERSIONS = ("v1", "v1beta1", "v1alpha1")
_IN_CLUSTER, _KUBECONFIG = "InClusterConfig", "KubeConfigFile"
_MOST_CONDITIONS = 64
_FIELDS: Mapping[str, frozenset[str]] = {
    "": frozenset({"kind", "apiVersion", "authorizers"}),
    "authorizer": frozenset({"type", "name", "webhook"}),
    "webhook": frozenset(
        {
            "timeout", "authorizedTTL", "cacheAuthorizedRequests", "unauthorizedTTL",
            "cacheUnauthorizedRequests", "subjectAccessReviewVersion",
            "matchConditionSubjectAccessReviewVersion", "failurePolicy", "connectionInfo",
            "matchConditions",
        }
    ),
    "connection": frozenset({"type", "kubeConfigFile"}),
    "condition": frozenset({"expression"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """One authorizer; a webhook has settings, and a kubeconfig file that leads to it."""

    type: str
    name: str
    webhook: WebhookSettings | None = None
    kubeconfig: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthzFlags:
    """What flags say of authorization, as kube-apiserver's; times in seconds."""

    modes: Sequence[str] = ("Node", "RBAC")
    policy_file: str = ""
    webhook_config_file: str = ""
    webhook_version: str = "v1beta1"
    webhook_authorized_ttl: float = 300.0
    webhook_unauthorized_ttl: float = 30.0
    config_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthzConfig:
    """The authorizers in their order; those of a file follow what it becomes."""

    authorizers: Sequence[Configured] = field(default=())
    policy_file: str = ""
    config_file: str = ""
    data: bytes = b""


ALLOW_ALL = AuthzConfig(authorizers=(Configured(type="AlwaysAllow", name="alwaysallow"),))
NODE_AND_RBAC = AuthzConfig(
    authorizers=(Configured(type="Node", name="node"), Configured(type="RBAC", name="rbac"))
)


def from_flags(flags: AuthzFlags) -> AuthzConfig:
    """Return what flags ask for, if a server can begin with it; raises ValueError."""
    found = _asked(flags)
    for one in found.authorizers:
        if one.webhook is not None:
            kubeconfig.load(one.kubeconfig)
        if one.type == "ABAC":
            abac.load(found.policy_file)
    return found


def _asked(flags: AuthzFlags) -> AuthzConfig:
    if flags.config_file:
        try:
            data = Path(flags.config_file).read_bytes()
        except OSError as error:
            raise ValueError(f"open {flags.config_file}: {error.strerror}".lower()) from error
        return AuthzConfig(
            authorizers=from_data(data),
            policy_file=flags.policy_file,
            config_file=flags.config_file,
            data=data,
        )
    _check_flags(flags)
    webhook = WebhookSettings(
        name="default",
        authorized_ttl=flags.webhook_authorized_ttl,
        unauthorized_ttl=flags.webhook_unauthorized_ttl,
        version=flags.webhook_version,
    )
    return AuthzConfig(
        authorizers=tuple(
            Configured(
                type=mode, name="default", webhook=webhook, kubeconfig=flags.webhook_config_file
            )
            if mode == "Webhook"
            else Configured(type=mode, name=mode.lower())
            for mode in flags.modes
        ),
        policy_file=flags.policy_file,
    )


def _check_flags(flags: AuthzFlags) -> None:
    modes, wrong = list(flags.modes), []
    if not modes:
        wrong.append("at least one authorization-mode must be passed")
    for mode in modes:
        if mode not in MODES:
            wrong.append(f"authorization-mode {quoted(mode)} is not a valid mode")
        if mode == "ABAC" and not flags.policy_file:
            wrong.append("authorization-mode ABAC's authorization policy file not passed")
        if mode == "Webhook" and not flags.webhook_config_file:
            wrong.append("authorization-mode Webhook's authorization config file not passed")
    if flags.policy_file and "ABAC" not in modes:
        wrong.append("cannot specify --authorization-policy-file without mode ABAC")
    if flags.webhook_config_file and "Webhook" not in modes:
        wrong.append("cannot specify --authorization-webhook-config-file without mode Webhook")
    if len(modes) != len(set(modes)):
        listed = " ".join(map(quoted, modes))
        wrong.append(f"authorization-mode [{listed}] has mode specified more than once")
    if flags.webhook_version not in ("v1", "v1beta1"):
        wrong.append(
            f"unsupported webhook authorizer version {quoted(flags.webhook_version)}, supported "
            'versions are "v1", "v1beta1"'
        )
    if wrong:
        raise ValueError(joined(wrong))


def from_data(data: bytes, required: frozenset[str] = frozenset()) -> tuple[Configured, ...]:
    """Return the authorizers of a configuration file; raises ValueError.

    `required` are the types that have to be among them: those that the server started with.
    """
    document = _decoded(data)
    report = Report()
    authorizers = document.get("authorizers") or []
    if not authorizers:
        report.required("authorizers", "at least one authorization mode must be defined")
    _check_authorizers(authorizers, report)
    if report.causes:
        raise ValueError(joined([one.text() for one in report.causes]))
    wrong = [
        f"expected name {one['type'].lower()} for authorizer {one['type']} instead of {one['name']}"
        for one in authorizers
        if one["type"] != "Webhook" and one["name"] != one["type"].lower()
    ]
    missing = sorted(required - {one["type"] for one in authorizers})
    if missing:
        wrong.append(f"missing required types: [{' '.join(missing)}]")
    if wrong:
        raise ValueError(joined(wrong))
    return tuple(_configured(one) for one in authorizers)


def _decoded(data: bytes) -> Object:
    """Read a document as upstream's strict decoder does; raises ValueError."""
    load = "failed to load AuthorizationConfiguration from file: "
    if not data:
        return {}
    try:
        document, repeated = yaml_codec.decode_document(data)
    except BadRequest as error:
        raise ValueError(f"{load}{error.message}") from None
    version, kind = document.get("apiVersion"), document.get("kind")
    if not kind or not version:
        what = "Kind" if not kind else "apiVersion"
        raise ValueError(f"{load}Object '{what}' is missing in {quoted(data.decode()).strip()}")
    known = [f"{_API}/{one}" for one in _VERSIONS]
    if kind != _KIND or version not in known:
        raise ValueError(
            f"{load}no kind {quoted(str(kind))} is registered for version "
            f"{quoted(str(version))} in scheme"
        )
    unknown = [*repeated, *_unknown(document)]
    if unknown:
        raise ValueError(f"{load}strict decoding error: {', '.join(unknown)}")
    return document


def _unknown(document: Object) -> list[str]:
    """Return what is said of fields that there are not, and of those of wrong types."""
    found = _strange(document, "", "")
    for index, one in enumerate(_list(document, "authorizers", "authorizers")):
        at = f"authorizers[{index}]"
        found += _strange(one, "authorizer", at)
        webhook = one.get("webhook")
        if webhook is None:
            continue
        found += _strange(webhook, "webhook", f"{at}.webhook")
        connection = webhook.get("connectionInfo") or {}
        found += _strange(connection, "connection", f"{at}.webhook.connectionInfo")
        conditions = _list(webhook, "matchConditions", f"{at}.webhook.matchConditions")
        for number, condition in enumerate(conditions):
            where = f"{at}.webhook.matchConditions[{number}]"
            found += _strange(condition, "condition", where)
    return found


def _strange(given: Any, shape: str, path: str) -> list[str]:
    if not isinstance(given, dict):
        raise ValueError(f"json: cannot unmarshal into {path}: it is no object")
    at = f"{path}." if path else ""
    return [f'unknown field "{at}{name}"' for name in given if name not in _FIELDS[shape]]


def _list(given: Object, name: str, path: str) -> list[Object]:
    value = given.get(name) or []
    if not isinstance(value, list):
        raise ValueError(f"json: cannot unmarshal into {path}: it is no list")
    return value


def _check_authorizers(authorizers: Sequence[Object], report: Report) -> None:
    types: set[str] = set()
    seen: set[str] = set()
    for index, one in enumerate(authorizers):
        at = f"authorizers[{index}]"
        kind, name = one.get("type") or "", one.get("name") or ""
        if not kind:
            report.required(f"{at}.type")
        elif kind not in MODES:
            report.not_supported(f"{at}.type", kind, MODES)
        elif kind in types and kind != "Webhook":
            report.duplicate(f"{at}.type", kind)
        else:
            types.add(kind)
            _check_name(name, seen, f"{at}.name", report)
            seen.add(name)
            _check_kind(kind, one.get("webhook"), at, report)


def _check_name(name: str, seen: set[str], path: str, report: Report) -> None:
    if not name:
        report.required(path)
    elif name in seen:
        report.duplicate(path, name)
    elif wrong := names.dns1123_subdomain(name):
        report.invalid(path, name, f"authorizer name is invalid: {', '.join(wrong)}")


def _check_kind(kind: str, webhook: Object | None, at: str, report: Report) -> None:
    if kind != "Webhook":
        if webhook is not None:
            report.invalid(f"{at}.webhook", "non-null", "may only be specified when type=Webhook")
    elif webhook is None:
        report.required(f"{at}.webhook", "required when type=Webhook")
    else:
        _check_webhook(webhook, at, report)


def _check_webhook(webhook: Object, at: str, report: Report) -> None:
    timeout = _seconds(webhook, "timeout", 0.0)
    if not timeout:
        report.required(f"{at}.timeout")
    elif not 0 < timeout <= 30:
        report.invalid(f"{at}.timeout", str(webhook["timeout"]), "must be > 0s and <= 30s")
    for name in ("authorizedTTL", "unauthorizedTTL"):
        if _seconds(webhook, name, 1.0) < 0:
            report.invalid(f"{at}.{name}", str(webhook[name]), "must be > 0s")
    _check_one_of(webhook, "subjectAccessReviewVersion", ("v1", "v1beta1"), at, report)
    conditions = webhook.get("matchConditions") or []
    matching = "matchConditionSubjectAccessReviewVersion"
    if webhook.get(matching):
        _check_one_of(webhook, matching, ("v1",), at, report)
    elif conditions:
        report.required(f"{at}.{matching}", "required if match conditions are specified")
    _check_one_of(webhook, "failurePolicy", ("NoOpinion", "Deny"), at, report)
    _check_connection(webhook.get("connectionInfo") or {}, f"{at}.connectionInfo", report)
    _check_conditions(conditions, f"{at}.matchConditions", report)


def _check_one_of(
    webhook: Object, name: str, allowed: Sequence[str], at: str, report: Report
) -> None:
    value = webhook.get(name) or ""
    if not value:
        report.required(f"{at}.{name}")
    elif value not in allowed:
        report.not_supported(f"{at}.{name}", value, allowed)


def _check_connection(info: Object, at: str, report: Report) -> None:
    kind, file = info.get("type") or "", info.get("kubeConfigFile")
    path = f"{at}.kubeConfigFile"
    if not kind:
        report.required(f"{at}.type")
    elif kind == _IN_CLUSTER:
        if file is not None:
            report.invalid(path, file, "can only be set when type=KubeConfigFile")
    elif kind != _KUBECONFIG:
        report.not_supported(f"{at}.type", info, (_IN_CLUSTER, _KUBECONFIG))
    elif not file:
        report.required(path)
    elif not Path(file).is_absolute():
        report.invalid(path, file, "must be an absolute path")
    elif not Path(file).exists():
        why = f"error loading file: stat {file}: no such file or directory"
        report.invalid(path, file, why)
    elif not Path(file).is_file():
        report.invalid(path, file, "must be a regular file")


def _check_conditions(conditions: Sequence[Object], at: str, report: Report) -> None:
    if len(conditions) > _MOST_CONDITIONS:
        report.add(too_many(at, len(conditions), _MOST_CONDITIONS))
        return
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        path, source = f"{at}[{index}].expression", condition.get("expression") or ""
        if not source.strip():
            report.required(path)
        elif source in seen:
            report.duplicate(path, source)
        else:
            seen.add(source)
            try:
                compile_condition(source)
            except ValueError as error:
                report.invalid(path, source, str(error))


def _seconds(webhook: Object, name: str, default: float) -> float:
    given = webhook.get(name)
    if given is None:
        return default
    if not isinstance(given, str):
        raise ValueError(f"json: cannot unmarshal {name}: it is no duration")
    try:
        return parse_duration(given)
    except ValueError as error:
        raise ValueError(f"time: {error}") from None


def _configured(one: Object) -> Configured:
    webhook = one.get("webhook")
    if webhook is None:
        return Configured(type=one["type"], name=one["name"])
    if webhook["connectionInfo"]["type"] == _IN_CLUSTER:
        raise ValueError(f"authorizer {one['name']}: the API server has no in-cluster credentials")

    def kept(ttl: str, switch: str, default: float) -> float:
        # A time of 0 stands for the default, as an empty one does.
        seconds = _seconds(webhook, ttl, default) or default
        return 0.0 if webhook.get(switch) is False else seconds

    settings = WebhookSettings(
        name=one["name"],
        timeout=_seconds(webhook, "timeout", 0.0),
        authorized_ttl=kept("authorizedTTL", "cacheAuthorizedRequests", 300.0),
        unauthorized_ttl=kept("unauthorizedTTL", "cacheUnauthorizedRequests", 30.0),
        version=webhook["subjectAccessReviewVersion"],
        denies_on_failure=webhook["failurePolicy"] == "Deny",
        conditions=[each["expression"] for each in webhook.get("matchConditions") or ()],
    )
    path = webhook["connectionInfo"]["kubeConfigFile"]
    return Configured(type=one["type"], name=one["name"], webhook=settings, kubeconfig=path)
