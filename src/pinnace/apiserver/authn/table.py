"""Every authentication method in the order in which upstream tries them.

Upstream: front proxy, client certificates, static tokens, service accounts (those of old first),
bootstrap tokens, identity providers, a webhook; who shows nothing is anonymous.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pinnace.api.objects import Object
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.base import RemoteTokenMethod, RequestMethod, TokenMethod
from pinnace.apiserver.authn.bootstrap_tokens import BootstrapTokens
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.keyring import KeyRing
from pinnace.apiserver.authn.legacy_accounts import ISSUER, LegacyAccounts
from pinnace.apiserver.authn.oidc.issuers import Oidc, OidcConfig
from pinnace.apiserver.authn.request_header import FrontProxy, RequestHeaders
from pinnace.apiserver.authn.service_accounts import BoundAccounts
from pinnace.apiserver.authn.signed_tokens import SignedTokens
from pinnace.apiserver.authn.static_tokens import StaticTokens
from pinnace.apiserver.authn.token_cache import TokenCache
from pinnace.apiserver.authn.union import Authenticator
from pinnace.apiserver.authn.webhook import TokenWebhook, WebhookTokens
from pinnace.apiserver.authn.x509 import ClientCertificates
from pinnace.kit.x509 import certificates

# How long it is remembered whose a provider's or a webhook's token is.
_REMEMBERED_SECONDS = 10.0
_OURS = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs this cluster's tokens, and those that they are checked with, in PEM."""

    private: bytes
    public: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnConfig:
    """What authentication is built from.

    `service_account_keys` are public keys in PEM, `client_authorities` the authorities of users'
    certificates. Without `service_account_lookup` the tokens of old are believed without looking
    at their Secrets. `anonymous_paths` are those that anonymous requests may have; none for all.
    What is given to be read again may change while the server runs.
    """

    issuers: tuple[str, ...] = (_OURS,)
    service_account_keys: tuple[bytes, ...] = ()
    service_account_lookup: bool = True
    api_audiences: tuple[str, ...] = (_OURS,)
    static_tokens: Mapping[str, User] = field(default_factory=dict)
    bootstrap_tokens: bool = False
    oidc: OidcConfig | None = None
    webhook: TokenWebhook | None = None
    client_authorities: bytes = b""
    front_proxy: FrontProxy | None = None
    anonymous: bool = True
    anonymous_paths: tuple[str, ...] = ()
    reread_keys: Callable[[], SigningKeys] | None = None
    reread_authorities: Callable[[], bytes] | None = None

    @property
    def has_files(self) -> bool:
        """Say whether there are files that may change."""
        read = self.reread_keys is not None or self.reread_authorities is not None
        return read or (self.oidc is not None and self.oidc.file is not None)


@dataclass(slots=True, kw_only=True)
class Parts:
    """The methods of one server that others have to do with; `used` are Secrets of old tokens
    that wait to be marked as used.
    """

    keys: KeyRing
    certificates: ClientCertificates
    counts: AuthnCounts
    used: dict[tuple[str, str], Object] = field(default_factory=dict)
    oidc: Oidc | None = None
    caches: list[TokenCache] = field(default_factory=list)
    webhook: WebhookTokens | None = None

    async def close(self) -> None:
        """Let go of all other servers."""
        for cache in self.caches:
            await cache.close()
        if self.oidc is not None:
            await self.oidc.close()
        if self.webhook is not None:
            await self.webhook.close()


def parts(config: AuthnConfig, now: Callable[[], datetime], server: str = "") -> Parts:
    """Return the methods that have a life of their own, not yet living."""
    counts = AuthnCounts(server)
    found = Parts(
        keys=KeyRing(config.service_account_keys),
        certificates=ClientCertificates(counts),
        counts=counts,
    )
    proxy = config.front_proxy
    if proxy is not None:
        users = certificates(config.client_authorities) if config.client_authorities else ()
        # A proxy's certificate must not be taken for a user's.
        for authority in certificates(proxy.authority):
            if authority not in users:
                found.certificates.disbelieve(authority)
    if config.oidc is not None:
        found.oidc = Oidc(
            config.oidc,
            api_audiences=config.api_audiences,
            issuers=config.issuers,
            now=lambda: now().timestamp(),
            counts=counts,
        )
    if config.webhook is not None:
        found.webhook = WebhookTokens(config.webhook, config.api_audiences)
    return found


def build(
    config: AuthnConfig, lookup: Lookup, now: Callable[[], datetime], found: Parts | None = None
) -> Authenticator:
    """Put the methods together, in upstream's order."""
    found = found or parts(config, now)
    proxy = config.front_proxy
    by_request: tuple[RequestMethod, ...] = (found.certificates,)
    if proxy is not None:
        by_request = (RequestHeaders(proxy), *by_request)
    return Authenticator(
        by_request=by_request,
        by_token=_by_token(config, lookup, now, found),
        remote=_remote(config, now, found),
        api_audiences=config.api_audiences,
        anonymous=config.anonymous,
        anonymous_paths=config.anonymous_paths,
    )


def _by_token(
    config: AuthnConfig, lookup: Lookup, now: Callable[[], datetime], found: Parts
) -> tuple[TokenMethod, ...]:
    methods: list[TokenMethod] = []
    if config.static_tokens:
        methods.append(StaticTokens(config.static_tokens, config.api_audiences))
    if found.keys.pems:
        used, counts = found.used, found.counts

        def mark(secret: Object) -> None:
            meta = secret["metadata"]
            used[meta["namespace"], meta["name"]] = secret

        legacy = LegacyAccounts(lookup, now, counts, mark, look=config.service_account_lookup)
        bound = BoundAccounts(lookup, now, counts)
        for issuers, validator in (((ISSUER,), legacy), (config.issuers, bound)):
            methods.append(
                SignedTokens(
                    issuers=issuers,
                    keys=found.keys,
                    api_audiences=config.api_audiences,
                    validator=validator,
                    counts=counts,
                )
            )
    if config.bootstrap_tokens:
        methods.append(BootstrapTokens(lookup, now, config.api_audiences))
    return tuple(methods)


def _remote(
    config: AuthnConfig, now: Callable[[], datetime], found: Parts
) -> tuple[RemoteTokenMethod, ...]:
    def seconds() -> float:
        return now().timestamp()

    methods: list[TokenCache] = []
    if found.oidc is not None:
        methods.append(TokenCache(found.oidc, seconds, success_seconds=_REMEMBERED_SECONDS))
    if found.webhook is not None and config.webhook is not None:
        kept = config.webhook.cache_seconds
        methods.append(
            TokenCache(found.webhook, seconds, success_seconds=kept, failure_seconds=kept)
        )
    found.caches = methods
    return tuple(methods)
