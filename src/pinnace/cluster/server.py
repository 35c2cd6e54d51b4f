"""The API server of a cluster: its settings from the cluster's facts, its socket, its store."""

import logging
import socket
import ssl
from urllib.parse import urlsplit

from pinnace.api.kinds.table import RESOURCES
from pinnace.apiserver import enablement, http
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authz.configuration import AuthzConfig, AuthzFlags, from_flags
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.serviceaccounts import openid
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer
from pinnace.cluster.access import component_access
from pinnace.cluster.admission_file import admission_options
from pinnace.cluster.apiserver_settings import ApiServerSettings
from pinnace.cluster.auditing import audit_config
from pinnace.cluster.authentication import authentication, signing_keys
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.encryption import encryption_config
from pinnace.cluster.metrics_access import metrics_access
from pinnace.cluster.pki import FRONT_PROXY, Pki
from pinnace.cluster.surroundings import Ready
from pinnace.cluster.tracing import tracing
from pinnace.kit.clock import Clock
from pinnace.kit.tls import load_pair
from pinnace.store.base import StoreError
from pinnace.store.table import open_store

log = logging.getLogger(__name__)
# What a server's Lease is named after, with the host; several on one host are told apart.
_IDENTITY, _USUAL_PORT = "kube-apiserver", 6443


def server_config(config: ClusterConfig, pki: Pki, clock: Clock, *, port: int) -> ServerConfig:
    """Return the settings of an API server of this cluster; raises ConfigError."""
    known, told = authentication(config, pki), config.apiserver
    issuer = known.issuers[0]
    keys_uri = f"https://{config.advertise}:{port}{openid.KEYS_PATH}"
    return ServerConfig(
        authentication=known,
        authorization=_authorization(config.apiserver),
        unserved=_unserved(config.apiserver),
        admission=True,
        admission_options=admission_options(config.apiserver),
        token_issuer=TokenIssuer(
            issuer=issuer,
            private_key=signing_keys(config, pki).private,
            api_audiences=known.api_audiences,
            now=clock.now,
            maximum_seconds=int(told.service_account_max_token_expiration),
            extend=told.service_account_extend_token_expiration,
        ),
        service_cidr=config.service_cidr,
        node_ports=config.node_port_range,
        advertise_address=config.advertise,
        secure_port=port,
        flush_all=config.flush_all,
        audit=audit_config(config.apiserver),
        encryption=encryption_config(config),
        request_timeout=config.apiserver.request_timeout,
        min_request_timeout=config.apiserver.min_request_timeout,
        event_ttl=int(config.apiserver.event_ttl),
        priority_and_fairness=config.apiserver.enable_priority_and_fairness,
        max_requests_inflight=config.apiserver.max_requests_inflight,
        max_mutating_requests_inflight=config.apiserver.max_mutating_requests_inflight,
        host_name=socket.gethostname(),
        identity=_IDENTITY if port in (0, _USUAL_PORT) else f"{_IDENTITY}:{port}",
        client_ca=known.client_authorities,
        kubelet_tls=kubelet_context(pki),
        front_proxy_client=pki.clients[FRONT_PROXY],
        objects=(*component_access(), *metrics_access()),
        openid=_openid(issuer, told.service_account_jwks_uri or keys_uri),
    )


def _authorization(given: ApiServerSettings) -> AuthzConfig:
    """Return who decides what callers may do; raises ConfigError."""
    if given.authorization_config and _asks_otherwise(given):
        raise ConfigError(
            "--authorization-config can not be specified when --authorization-mode or"
            " --authorization-webhook-* flags are defined"
        )
    flags = AuthzFlags(
        modes=given.authorization_mode,
        policy_file=given.authorization_policy_file,
        webhook_config_file=given.authorization_webhook_config_file,
        webhook_version=given.authorization_webhook_version,
        webhook_authorized_ttl=given.authorization_webhook_cache_authorized_ttl,
        webhook_unauthorized_ttl=given.authorization_webhook_cache_unauthorized_ttl,
        config_file=given.authorization_config,
    )
    try:
        return from_flags(flags)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _unserved(settings: ApiServerSettings) -> frozenset[enablement.Key]:
    try:
        return enablement.unserved(RESOURCES, settings.runtime_config, settings.feature_gates)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _asks_otherwise(given: ApiServerSettings) -> bool:
    """Say whether authorizers are asked for by flags too."""
    usual = ApiServerSettings()
    return any(
        getattr(given, name) != getattr(usual, name)
        for name in (
            "authorization_mode",
            "authorization_webhook_config_file",
            "authorization_webhook_version",
            "authorization_webhook_cache_authorized_ttl",
            "authorization_webhook_cache_unauthorized_ttl",
        )
    )


def _openid(issuer: str, keys_uri: str) -> openid.OpenId | None:
    """Return what others are told of the issuer; nothing if its name is no address for them."""
    try:
        where = urlsplit(issuer)
    except ValueError:
        return None
    if where.scheme != "https" or where.query or where.fragment:
        return None
    return openid.OpenId(issuer, keys_uri)


# Forward secret and authenticated ciphers only. The level is for busybox, whose wget is what small
# images ask the API with: it names no signature algorithms, which in TLS 1.2 stands for SHA-1, and
# higher levels refuse that. Clients that name better ones get those.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0"


def serving_context(pki: Pki, server: ApiServer) -> ssl.SSLContext:
    """Return the TLS settings of the API server; clients may show a certificate that it believes.

    Authorities that it comes to believe later are added; those that it believes no more stay, and
    the server itself refuses what they have signed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    load_pair(context, pki.apiserver)
    config = server.core.config
    proxy = config.authentication.front_proxy
    trusted = config.client_ca + (proxy.authority if proxy is not None else b"")
    context.load_verify_locations(cadata=trusted.decode())
    context.verify_mode = ssl.CERT_OPTIONAL

    def trust(authorities: bytes) -> None:
        context.load_verify_locations(cadata=authorities.decode())

    server.trust_listeners.append(trust)
    return context


def kubelet_context(pki: Pki) -> ssl.SSLContext:
    """Return how the API server meets kubelets: by a client certificate, checking theirs.

    Their addresses are looked up, not their names, so the name is not checked; the certificate must
    be of the cluster's authority all the same.
    """
    context = ssl.create_default_context(cadata=pki.ca.decode())
    context.check_hostname = False
    load_pair(context, pki.clients["apiserver-kubelet-client"])
    return context


async def serve(
    config: ClusterConfig, pki: Pki, clock: Clock, *, ready: Ready, flush: bool = True
) -> None:
    """Serve the cluster's API from its data directory until cancelled; raises ConfigError.

    Without `flush` no write to a file waits for the disk.

    Raises too what the server cannot go on after: its process is to end and to be started anew.
    """
    settings = server_config(config, pki, clock, port=config.port)
    try:
        store = await open_store(config.store_file, config.etcd, flush=flush)
    except StoreError as error:
        raise ConfigError(str(error)) from error
    server = ApiServer(store, clock, settings)
    try:
        with tracing() as server.tracing:
            await server.start()
            listener = await _listen(server, config, pki)
            try:
                ready()
                await server.ended()
            finally:
                server.announce_end()
                await listener.close()
    finally:
        await server.close()
        await store.close()


async def _listen(server: ApiServer, config: ClusterConfig, pki: Pki) -> http.Listener:
    try:
        return await http.serve(
            server.handle,
            host=config.bind,
            port=config.port,
            ssl_context=serving_context(pki, server),
            passes_on=server.passes_on,
        )
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"cannot listen on {config.bind}:{config.port}: {why}") from error
