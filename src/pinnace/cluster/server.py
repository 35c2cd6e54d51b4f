"""The API server of a cluster: its settings from the cluster's facts, its socket, its store."""

import logging
import socket
import ssl

from pinnace.api.kinds.table import RESOURCES
from pinnace.apiserver import enablement, http
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authn.request_header import FrontProxy
from pinnace.apiserver.authn.table import AuthnConfig
from pinnace.apiserver.authz.configuration import AuthzConfig, AuthzFlags, from_flags
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.serviceaccounts import openid
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer
from pinnace.cluster.access import component_access
from pinnace.cluster.admission_file import admission_options
from pinnace.cluster.apiserver_settings import ApiServerSettings
from pinnace.cluster.auditing import audit_config
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.encryption import encryption_config
from pinnace.cluster.metrics_access import metrics_access
from pinnace.cluster.pki import FRONT_PROXY, Pki
from pinnace.cluster.surroundings import Ready
from pinnace.cluster.tracing import tracing
from pinnace.kit.clock import Clock
from pinnace.kit.tls import load_pair
from pinnace.kit.x509 import public_pem
from pinnace.store.base import StoreError
from pinnace.store.table import open_store

log = logging.getLogger(__name__)
# What a server's Lease is named after, with the host; several on one host are told apart.
_IDENTITY, _USUAL_PORT = "kube-apiserver", 6443


def server_config(config: ClusterConfig, pki: Pki, clock: Clock, *, port: int) -> ServerConfig:
    """Return the settings of an API server of this cluster; raises ConfigError."""
    issuer = f"https://kubernetes.default.svc.{config.domain}"
    public_key = public_pem(pki.signing_key)
    return ServerConfig(
        authentication=AuthnConfig(
            issuers=(issuer,),
            service_account_keys=(public_key,),
            api_audiences=(issuer,),
            front_proxy=FrontProxy(pki.front_proxy.pem, (FRONT_PROXY,)),
        ),
        authorization=_authorization(config.apiserver),
        unserved=_unserved(config.apiserver),
        admission=True,
        admission_options=admission_options(config.apiserver),
        token_issuer=TokenIssuer(
            issuer=issuer,
            private_key=pki.signing_key,
            api_audiences=(issuer,),
            now=clock.now,
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
        client_ca=pki.ca,
        kubelet_tls=kubelet_context(pki),
        front_proxy_client=pki.clients[FRONT_PROXY],
        objects=(*component_access(), *metrics_access()),
        documents={
            openid.CONFIGURATION_PATH: openid.configuration(
                issuer=issuer, keys_uri=f"https://{config.advertise}:{port}{openid.KEYS_PATH}"
            ),
            openid.KEYS_PATH: openid.key_set([public_key]),
        },
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


# Forward secret and authenticated ciphers only. The level is for busybox, whose wget is what small
# images ask the API with: it names no signature algorithms, which in TLS 1.2 stands for SHA-1, and
# higher levels refuse that. Clients that name better ones get those.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0"


def serving_context(pki: Pki) -> ssl.SSLContext:
    """Return the TLS settings of the API server; clients may show a certificate of the cluster."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    load_pair(context, pki.apiserver)
    context.load_verify_locations(cadata=(pki.ca + pki.front_proxy.pem).decode())
    context.verify_mode = ssl.CERT_OPTIONAL
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
            ssl_context=serving_context(pki),
            passes_on=server.passes_on,
        )
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"cannot listen on {config.bind}:{config.port}: {why}") from error
