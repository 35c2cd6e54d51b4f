"""Notes on service account tokens of old: since when it is tracked, and when each was last used."""

import logging

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import CONFIGMAPS, SECRETS
from pinnace.api.objects import Object
from pinnace.apiserver.authn.legacy_accounts import LAST_USED
from pinnace.apiserver.bootstrap.objects import ensure
from pinnace.apiserver.core import Core
from pinnace.apiserver.writes import rewrite
from pinnace.store.base import StoreError

_log = logging.getLogger(__name__)
NAMESPACE, NAME = "kube-system", "kube-apiserver-legacy-service-account-token-tracking"
_SINCE = "since"
_SECONDS = 1.0
# How often the ConfigMap is looked at, which hardly anybody touches.
_ROUNDS = 60


async def track(core: Core) -> None:
    """Keep the notes until cancelled."""
    while True:
        try:
            await note_since(core)
            for _ in range(_ROUNDS):
                await note_uses(core)
                await core.clock.sleep(_SECONDS)
        except (ApiError, StoreError) as error:
            _log.warning("cannot note the use of service account tokens: %s", error)
            await core.clock.sleep(_SECONDS)


async def note_since(core: Core) -> None:
    """See to the ConfigMap that says since when uses have been noted."""
    today = f"{core.clock.now():%Y-%m-%d}"
    held = (await core.cache(CONFIGMAPS)).get(NAMESPACE, NAME)
    if held is None:
        metadata = {"namespace": NAMESPACE, "name": NAME}
        await ensure(core, CONFIGMAPS, {"metadata": metadata, "data": {_SINCE: today}})
    elif not (held.shared().get("data") or {}).get(_SINCE):

        def dated(obj: Object) -> Object:
            return {**obj, "data": {**(obj.get("data") or {}), _SINCE: today}}

        await rewrite(core, CONFIGMAPS, NAMESPACE, NAME, dated)


async def note_uses(core: Core) -> None:
    """Label the Secrets whose tokens have been used with the day of it."""
    used = core.auth.authn.used
    today = f"{core.clock.now():%Y-%m-%d}"
    while used:
        (namespace, name), secret = used.popitem()
        uid = secret["metadata"].get("uid")

        def labelled(obj: Object, uid: str | None = uid) -> Object:
            metadata = obj["metadata"]
            if metadata.get("uid") != uid:
                return obj
            labels = {**(metadata.get("labels") or {}), LAST_USED: today}
            return {**obj, "metadata": {**metadata, "labels": labels}}

        try:
            await rewrite(core, SECRETS, namespace, name, labelled)
        except ApiError as error:
            _log.info("cannot label the Secret %s/%s: %s", namespace, name, error)
