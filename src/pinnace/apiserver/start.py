"""Puts a server together from its configuration."""

from collections.abc import Callable

from pinnace.api.kinds import (
    certificates,
    coordination,
    core,
    networking,
    rbac,
    resource,
    scheduling,
    storage,
)
from pinnace.api.kinds import node as node_kinds
from pinnace.api.resources import Resource
from pinnace.apiserver.admission import table as admission
from pinnace.apiserver.admission.base import Chain
from pinnace.apiserver.auth import Auth
from pinnace.apiserver.authn import table as authn
from pinnace.apiserver.authn.impersonating import Impersonation
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.authz.table import Authorizers
from pinnace.apiserver.bootstrap.objects import ensure
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.core import CacheLookup, Core
from pinnace.apiserver.hooks.webhooks import FOLLOWED, Webhooks
from pinnace.apiserver.identity import lease_name
from pinnace.apiserver.nodepods import NodePods
from pinnace.apiserver.quota_status import QuotaStatus
from pinnace.apiserver.resourcemetrics.provider import Provider
from pinnace.apiserver.resourcemetrics.scraper import Scraper
from pinnace.apiserver.routes import Rows
from pinnace.kit.alarms import Alarms
from pinnace.kit.clock import Clock
from pinnace.store.base import Store, StoreError
from pinnace.store.watchcache.caches import Caches
from pinnace.store.watchcache.changes import Change

# What admission, authentication, authorization and allocation look up without waiting.
LOOKED_UP: tuple[Resource, ...] = (
    core.NAMESPACES,
    core.SERVICEACCOUNTS,
    core.SECRETS,
    core.PODS,
    core.NODES,
    core.SERVICES,
    core.LIMITRANGES,
    core.RESOURCEQUOTAS,
    core.PERSISTENTVOLUMES,
    core.PERSISTENTVOLUMECLAIMS,
    networking.IPADDRESSES,
    networking.SERVICECIDRS,
    networking.INGRESSCLASSES,
    scheduling.PRIORITYCLASSES,
    node_kinds.RUNTIMECLASSES,
    storage.STORAGECLASSES,
    storage.VOLUMEATTACHMENTS,
    resource.RESOURCESLICES,
    certificates.PODCERTIFICATEREQUESTS,
    coordination.LEASES,
)
_RBAC = (rbac.ROLES, rbac.ROLEBINDINGS, rbac.CLUSTERROLES, rbac.CLUSTERROLEBINDINGS)


def build(
    store: Store,
    clock: Clock,
    config: ServerConfig,
    pods: NodePods,
    *,
    failed: Callable[[StoreError], None],
) -> Core:
    """Return the parts of a server, joined and not yet running."""
    rows = Rows(config.rows, config.unserved)
    caches = Caches(store, clock, failed=failed)
    lookup = CacheLookup(caches, rows)
    roles = Rbac(lookup)
    authorizers = Authorizers(
        config.authorization,
        roles,
        lookup,
        pods.on,
        clock,
        server=lease_name(config.host_name, config.identity),
    )
    authorizer = authorizers.union
    webhooks = Webhooks(lookup, rows, authorizer)
    parts = authn.parts(config.authentication, clock.now, config.identity)

    async def make_namespace(name: str) -> None:
        await ensure(server, core.NAMESPACES, {"metadata": {"name": name}})

    server = Core(
        store=store,
        clock=clock,
        config=config,
        rows=rows,
        caches=caches,
        alarms=Alarms(clock),
        lookup=lookup,
        auth=Auth(
            authn.build(config.authentication, lookup, clock.now, parts),
            authorizers,
            Impersonation(authorizer),
            parts,
            roles,
        ),
        admission=(
            admission.build(
                authorizer,
                roles,
                quota_writer=QuotaStatus(store),
                webhooks=webhooks,
                options=config.admission_options,
                around=admission.Surroundings(
                    rows=rows, now=clock.monotonic, make_namespace=make_namespace
                ),
            )
            if config.admission
            else Chain(())
        ),
        webhooks=webhooks,
        usage=Provider(
            clock, lambda: list(lookup.list(core.NODES)), pods, Scraper(config.kubelet_tls)
        ),
    )
    return server


async def load(server: Core, pods: NodePods) -> None:
    """Load what is looked up without waiting, and follow what is derived from it."""
    for row in (*LOOKED_UP, *_RBAC):
        await server.cache(row)
    for row in FOLLOWED:
        cache = await server.cache(row)
        cache.listeners.append(lambda change: server.webhooks.forget())
    pods.follow(await server.cache(core.PODS))
    roles = server.auth.rbac
    for row in _RBAC:
        _follow(await_free(server, row), row, roles)


def await_free(server: Core, row: Resource) -> list[Callable[[Change], None]]:
    """Return the listeners of a cache that is loaded."""
    cache = server.caches.loaded(row.prefix)
    assert cache is not None
    return cache.listeners


def _follow(listeners: list[Callable[[Change], None]], row: Resource, roles: Rbac) -> None:
    def changed(change: Change) -> None:
        roles.changed(row, change.item.namespace)

    listeners.append(changed)
