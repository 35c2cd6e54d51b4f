"""ServiceAccount: every pod runs as a service account, and finds its token in a volume."""

import asyncio
from collections.abc import Awaitable, Callable

from pinnace.api.kinds.core import SERVICEACCOUNTS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import podrefs
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
ENFORCE = "kubernetes.io/enforce-mountable-secrets"

# The default account is made by a controller right after its namespace: worth waiting for.
_ATTEMPTS = 10
_INTERVAL = 0.1


class ServiceAccount:
    """Sets account, token volume and pull secrets of new pods, and checks them.

    `suffix` makes the random end of the volume's name. `wait` really waits, whatever the cluster's
    clock: what is waited for is another task, not a moment.
    """

    name = "ServiceAccount"

    def __init__(
        self,
        suffix: Callable[[], str],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._suffix = suffix
        self._wait = wait

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        if row.group != "" or row.plural != "pods":
            return False
        if operation == "CREATE":
            return not subresource
        return operation == "UPDATE" and subresource == "ephemeralcontainers"

    def mutate(self, attributes: Attributes) -> Outcome:
        """Complete a new pod."""
        pod = attributes.obj
        if pod is None or attributes.operation != "CREATE":
            return None
        if podrefs.is_mirror(pod):
            # Changing a mirror pod would make it differ from the kubelet's file.
            _check_mirror(attributes, pod)
            return None
        spec = pod.setdefault("spec", {})
        # The second field is the first one's old name; readers find both.
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = attributes.lookup.get(SERVICEACCOUNTS, attributes.namespace, name)
        if account is None and name == DEFAULT:
            return self._complete_later(attributes, pod)
        self._complete(attributes, pod, account)
        return None

    def validate(self, attributes: Attributes) -> None:
        """Refuse what the account does not allow."""
        pod = attributes.obj
        if pod is None:
            return
        if podrefs.is_mirror(pod):
            _check_mirror(attributes, pod)
            return
        name = (pod.get("spec") or {}).get("serviceAccountName")
        if not name:
            pod_name = pod["metadata"].get("name", "")
            raise attributes.refuse(
                f"no service account specified for pod {attributes.namespace}/{pod_name}"
            )
        account = attributes.lookup.get(SERVICEACCOUNTS, attributes.namespace, name)
        if account is None:
            raise attributes.refuse(_missing(attributes.namespace, name))
        annotations = account["metadata"].get("annotations") or {}
        if annotations.get(ENFORCE, "").lower() in ("1", "t", "true"):
            why = _forbidden_secret(pod, account, only_ephemeral=bool(attributes.subresource))
            if why:
                raise attributes.refuse(why)

    async def _complete_later(self, attributes: Attributes, pod: Object) -> None:
        account = None
        for _ in range(_ATTEMPTS):
            await self._wait(_INTERVAL)
            account = attributes.lookup.get(SERVICEACCOUNTS, attributes.namespace, DEFAULT)
            if account is not None:
                break
        self._complete(attributes, pod, account)

    def _complete(self, attributes: Attributes, pod: Object, account: Object | None) -> None:
        spec = pod["spec"]
        if account is None:
            raise attributes.refuse(_missing(attributes.namespace, spec["serviceAccountName"]))
        if _wants_token(spec, account):
            self._mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [
                {"name": secret.get("name", "")} for secret in account["imagePullSecrets"]
            ]

    def _mount_token(self, spec: Object) -> None:
        volumes = spec.get("volumes") or []
        present = [v["name"] for v in volumes if v.get("name", "").startswith(VOLUME_PREFIX)]
        name = present[0] if present else VOLUME_PREFIX + self._suffix()
        needed = False
        for field in ("initContainers", "containers"):
            for container in spec.get(field) or ():
                mounts = container.get("volumeMounts") or []
                if any(m.get("mountPath") == MOUNT_PATH for m in mounts):
                    continue
                mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
                container["volumeMounts"] = [*mounts, mount]
                needed = True
        if needed and not present:
            spec["volumes"] = [*volumes, {"name": name, "projected": _token_projection()}]


def _token_projection() -> Object:
    namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": 420,
    }


def _wants_token(spec: Object, account: Object) -> bool:
    for holder in (spec, account):
        wish = holder.get("automountServiceAccountToken")
        if wish is not None:
            return bool(wish)
    return True


def _missing(namespace: str, name: str) -> str:
    return f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'


def _check_mirror(attributes: Attributes, pod: Object) -> None:
    if (pod.get("spec") or {}).get("serviceAccountName"):
        raise attributes.refuse("a mirror pod may not reference service accounts")
    if any(True for _ in podrefs.secret_names(pod)):
        raise attributes.refuse("a mirror pod may not reference secrets")
    for volume in podrefs.volumes(pod):
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                raise attributes.refuse(
                    "a mirror pod may not use ServiceAccountToken volume projections"
                )


def _forbidden_secret(pod: Object, account: Object, *, only_ephemeral: bool) -> str:
    """Return why a secret of the pod is not allowed by its account, or empty."""
    spec = pod["spec"]
    allowed = {secret.get("name") for secret in account.get("secrets") or ()}
    owner = account["metadata"]["name"]
    ends = f"is not allowed because service account {owner} does not reference that secret"
    if only_ephemeral:
        return _forbidden_in_containers(spec, "ephemeralContainers", allowed, ends)
    for volume in podrefs.volumes(pod):
        name = (volume.get("secret") or {}).get("secretName")
        if name is not None and name not in allowed:
            return f'volume with secret.secretName="{name}" {ends}'
    for field in ("initContainers", "containers"):
        why = _forbidden_in_containers(spec, field, allowed, ends)
        if why:
            return why
    pull = {secret.get("name") for secret in account.get("imagePullSecrets") or ()}
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if secret.get("name") not in pull:
            return (
                f'imagePullSecrets[{index}].name="{secret.get("name")}" is not allowed because'
                f" service account {owner} does not reference that imagePullSecret"
            )
    return ""


def _forbidden_in_containers(spec: Object, field: str, allowed: set[str | None], ends: str) -> str:
    what = {"initContainers": "init container", "ephemeralContainers": "ephemeral container"}
    title = what.get(field, "container")
    for container in spec.get(field) or ():
        for variable in container.get("env") or ():
            key = (variable.get("valueFrom") or {}).get("secretKeyRef")
            if key is not None and key.get("name") not in allowed:
                return (
                    f"{title} {container.get('name')} with envVar {variable.get('name')}"
                    f' referencing secret.secretName="{key.get("name")}" {ends}'
                )
        for source in container.get("envFrom") or ():
            whole = source.get("secretRef")
            if whole is not None and whole.get("name") not in allowed:
                return (
                    f"{title} {container.get('name')} with envFrom referencing"
                    f' secret.secretName="{whole.get("name")}" {ends}'
                )
    return ""
