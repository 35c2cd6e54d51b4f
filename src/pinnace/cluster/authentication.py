"""What the API server knows callers by: from the user's settings and the cluster's own keys."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.wire import User
from pinnace.apiserver.authn.oidc import configuration as files
from pinnace.apiserver.authn.oidc.issuers import OidcConfig, Unusable, checked
from pinnace.apiserver.authn.request_header import FrontProxy
from pinnace.apiserver.authn.static_tokens import read_tokens
from pinnace.apiserver.authn.table import AuthnConfig, SigningKeys
from pinnace.apiserver.authn.webhook import VERSIONS, TokenWebhook
from pinnace.client import kubeconfig
from pinnace.cluster.apiserver_settings import ApiServerSettings
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.pki import FRONT_PROXY, Pki
from pinnace.kit.jws import ALGORITHMS, JwsError, algorithm_of
from pinnace.kit.x509 import (
    X509Error,
    certificates,
    load_private_key,
    public_keys,
    read_certificate,
)

_Found = TypeVar("_Found")
_HEADERS = ("X-Remote-User", "X-Remote-Uid", "X-Remote-Group", "X-Remote-Extra-")


def issuers_of(config: ClusterConfig) -> tuple[str, ...]:
    """Return in whose names this cluster's tokens are; the first signs."""
    return config.apiserver.service_account_issuer or (
        f"https://kubernetes.default.svc.{config.domain}",
    )


def authentication(config: ClusterConfig, pki: Pki) -> AuthnConfig:
    """Return by what the API server knows callers; raises ConfigError."""
    told, issuers = config.apiserver, issuers_of(config)
    _check_issuers(issuers)
    oidc = _oidc(told, issuers)
    anonymous = (oidc.config.get("anonymous") if oidc else None) or {"enabled": told.anonymous_auth}
    paths = tuple(str(one.get("path") or "") for one in anonymous.get("conditions") or ())
    reread_keys = partial(signing_keys, config, pki)
    reread_authorities = partial(client_authorities, told, pki)
    return AuthnConfig(
        issuers=issuers,
        service_account_keys=reread_keys().public,
        service_account_lookup=told.service_account_lookup,
        api_audiences=told.api_audiences or issuers,
        static_tokens=_parsed(told.token_auth_file, _tokens) if told.token_auth_file else {},
        bootstrap_tokens=told.enable_bootstrap_token_auth,
        oidc=oidc,
        webhook=_webhook(told),
        client_authorities=reread_authorities(),
        front_proxy=_front_proxy(told, pki),
        anonymous=bool(anonymous.get("enabled")),
        anonymous_paths=paths,
        reread_keys=reread_keys,
        reread_authorities=reread_authorities,
    )


def signing_keys(config: ClusterConfig, pki: Pki) -> SigningKeys:
    """Read the key that signs tokens, and all that tokens are checked with; raises ConfigError."""
    told = config.apiserver
    if told.service_account_signing_key_file and not told.service_account_key_file:
        raise ConfigError(
            "--service-account-key-file must be given with --service-account-signing-key-file"
        )
    private = pki.signing_keys.private()
    public: tuple[bytes, ...] = pki.signing_keys.public()
    if told.service_account_key_file:
        public = tuple(
            key for file in told.service_account_key_file for key in _parsed(file, _public)
        )
    if told.service_account_signing_key_file:
        private = _parsed(told.service_account_signing_key_file, _private)
    return SigningKeys(private, tuple(dict.fromkeys(public)))


def client_authorities(told: ApiServerSettings, pki: Pki) -> bytes:
    """Read whose certificates of users are believed; raises ConfigError."""
    if not told.client_ca_file:
        return pki.ca
    return pki.ca + b"".join(_parsed(told.client_ca_file, _certificates))


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was named."""

    path: str
    data: bytes


def _parsed(path: str, parse: Callable[[_File], _Found]) -> _Found:
    """Read a file; raises ConfigError for one that cannot be used."""
    try:
        return parse(_File(path, Path(path).read_bytes()))
    except OSError as error:
        raise ConfigError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
    except (X509Error, JwsError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _tokens(file: _File) -> dict[str, User]:
    return read_tokens(file.data.decode(), file.path)


def _public(file: _File) -> list[bytes]:
    return public_keys(file.data)


def _private(file: _File) -> bytes:
    algorithm_of(load_private_key(file.data).public_key())
    return file.data


def _certificates(file: _File) -> list[bytes]:
    found = certificates(file.data)
    for one in found:
        read_certificate(one)
    return found


def _check_issuers(issuers: tuple[str, ...]) -> None:
    for index, issuer in enumerate(issuers):
        if issuer in issuers[:index]:
            raise ConfigError(f'service-account-issuer "{issuer}" is already specified')


def _oidc(told: ApiServerSettings, issuers: tuple[str, ...]) -> OidcConfig | None:
    """Return the providers of the configuration file, or those of the old flags."""
    path, flags = told.authentication_config, _oidc_flags(told)
    if not path:
        return _from_flags(told, issuers) if flags else None
    if flags:
        raise ConfigError("authentication-config file and oidc-* flags are mutually exclusive")
    what = f'failed to load authentication configuration from file "{path}"'
    try:
        data = Path(path).read_bytes()
        config = files.decode(data)
    except OSError as error:
        why = f"open {path}: {(error.strerror or str(error)).lower()}"
        raise ConfigError(f"{what}: {why}") from error
    except files.Unreadable as error:
        raise ConfigError(f"{what}: {error}") from error
    if config.get("anonymous") is not None and not told.anonymous_auth:
        raise ConfigError(
            "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is"
            " configured in authentication configuration file"
        )
    text = data.decode(errors="replace")
    given = _checked(config, issuers)
    return OidcConfig(config=given, algorithms=ALGORITHMS, file=Path(path), text=text)


def _oidc_flags(told: ApiServerSettings) -> bool:
    default = ApiServerSettings()
    names = (
        "issuer_url", "client_id", "ca_file", "username_claim", "username_prefix", "groups_claim",
        "groups_prefix", "signing_algs", "required_claim",
    )  # fmt: skip
    return any(getattr(told, f"oidc_{name}") != getattr(default, f"oidc_{name}") for name in names)


def _from_flags(told: ApiServerSettings, issuers: tuple[str, ...]) -> OidcConfig:
    if not told.oidc_issuer_url or not told.oidc_client_id:
        raise ConfigError(
            "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags"
            " are set"
        )
    for algorithm in told.oidc_signing_algs:
        if algorithm not in ALGORITHMS:
            raise ConfigError(f'oidc: unsupported signing alg: "{algorithm}"')
    required = []
    for pair in told.oidc_required_claim:
        claim, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"malformed pair, expect string=string: {pair}")
        required.append((claim.strip(), value.strip()))
    ca = told.oidc_ca_file
    authenticator = files.from_flags(
        issuer_url=told.oidc_issuer_url,
        client_id=told.oidc_client_id,
        username_claim=told.oidc_username_claim,
        username_prefix=told.oidc_username_prefix,
        groups_claim=told.oidc_groups_claim,
        groups_prefix=told.oidc_groups_prefix,
        required_claims=required,
        ca=_parsed(ca, lambda file: file.data.decode()) if ca else "",
    )
    return OidcConfig(
        config=_checked({"jwt": [authenticator]}, issuers), algorithms=told.oidc_signing_algs
    )


def _checked(config: Object, issuers: tuple[str, ...]) -> Object:
    try:
        return checked(config, issuers)
    except Unusable as error:
        raise ConfigError(str(error)) from error


def _webhook(told: ApiServerSettings) -> TokenWebhook | None:
    path, version = (
        told.authentication_token_webhook_config_file,
        (told.authentication_token_webhook_version),
    )
    if not path:
        return None
    if version not in VERSIONS:
        raise ConfigError(
            f'unsupported authentication webhook version "{version}", supported versions are'
            ' "v1", "v1beta1"'
        )
    try:
        target = kubeconfig.load(path)
        tls = target.ssl_context()
    except ApiError as error:
        raise ConfigError(f"{path}: {error.message}") from error
    return TokenWebhook(
        url=target.server,
        tls=tls,
        bearer=partial(_bearer, target),
        server_name=target.server_name,
        version=version,
        cache_seconds=told.authentication_token_webhook_cache_ttl,
    )


def _bearer(target: kubeconfig.Config) -> str:
    if target.token_file is not None:
        return target.token_file.read_text().strip()
    return target.token


def _front_proxy(told: ApiServerSettings, pki: Pki) -> FrontProxy:
    """Return whom to believe what it says of users; the cluster's own proxy always."""
    if not told.requestheader_client_ca_file:
        return FrontProxy(pki.front_proxy.pem, (FRONT_PROXY,))
    given = (
        told.requestheader_username_headers, told.requestheader_uid_headers,
        told.requestheader_group_headers, told.requestheader_extra_headers_prefix,
    )  # fmt: skip
    users, uids, groups, extras = (
        tuple(dict.fromkeys((usual, *headers)))
        for usual, headers in zip(_HEADERS, given, strict=True)
    )
    authorities = _parsed(told.requestheader_client_ca_file, _certificates)
    names = told.requestheader_allowed_names
    return FrontProxy(
        b"".join((pki.front_proxy.pem, *authorities)),
        (FRONT_PROXY, *names) if names else (),
        user_headers=users,
        uid_headers=uids,
        group_headers=groups,
        extra_prefixes=extras,
    )
