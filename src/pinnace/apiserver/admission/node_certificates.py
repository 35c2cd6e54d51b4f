"""What NodeRestriction demands of a node that asks for a certificate in the name of a Pod."""

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import NODES, PODS, SERVICEACCOUNTS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import podrefs
from pinnace.apiserver.admission.base import Attributes

_KIND = "PodCertificateRequest"


def check_for_pod(node: str, a: Attributes) -> None:
    """Refuse what is not about a Pod that runs on the node under the account that is named."""
    if a.operation != "CREATE":
        raise a.refuse(f"unexpected operation {a.operation}")
    if a.subresource:
        raise a.refuse(f"unexpected subresource {a.subresource}")
    spec: Object = (a.obj or {}).get("spec") or {}
    named, account = spec.get("nodeName") or "", spec.get("serviceAccountName") or ""
    pod_name = f"{a.namespace}/{spec.get('podName') or ''}"
    if named != node:
        raise a.refuse(
            f'{_KIND}.Spec.NodeName="{named}", which is not the requesting node "{node}"'
        )
    found = _found(a, NODES, "", named, f'node "{named}"')
    _check_uid(found, spec.get("nodeUID"), f'for pod "{pod_name}" names node UID "{{uid}}", '
               "inconsistent with the running node ({held})")  # fmt: skip
    pod = _found(a, PODS, a.namespace, spec.get("podName") or "", f'pod "{pod_name}"')
    _check_uid(pod, spec.get("podUID"), f'for pod "{pod_name}" contains pod UID ("{{uid}}") which '
               "differs from running pod {held}")  # fmt: skip
    if (pod["spec"].get("nodeName") or "") != named:
        raise a.refuse(f'pod "{pod_name}" is not running on node "{named}" named in the {_KIND}')
    if podrefs.is_mirror(pod):
        raise a.refuse(f'pod "{pod_name}" is a mirror pod')
    own = pod["spec"].get("serviceAccountName") or ""
    if account != own:
        raise a.refuse(
            f'{_KIND} for pod "{pod_name}" contains serviceAccountName ("{account}") that differs '
            f'from running pod ("{own}")'
        )
    shown = f'service account "{a.namespace}/{account}"'
    held = _found(a, SERVICEACCOUNTS, a.namespace, account, shown)
    _check_uid(held, spec.get("serviceAccountUID"), f'for pod "{pod_name}" names service account '
               'UID "{uid}", which differs from the running service account ({held})')  # fmt: skip


def _found(a: Attributes, row: Resource, namespace: str, name: str, shown: str) -> Object:
    found = a.lookup.get(row, namespace, name)
    if found is None:
        # Upstream's error is none of the API's own, since the caches may merely be late.
        what = f'while retrieving {shown} named in the {_KIND}: {row.singular} "{name}" not found'
        raise _late(what)
    return found


def _check_uid(found: Object, uid: str | None, words: str) -> None:
    held = found["metadata"].get("uid") or ""
    if held != (uid or ""):
        raise _late(f"{_KIND} " + words.format(uid=uid or "", held=f'"{held}"'))


def _late(why: str) -> ApiError:
    return ApiError(why, code=500, reason="")
