from typing import Any

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}


async def test_repeated_owners_are_kept_once_and_told_of(api: Any) -> None:
    body = {"metadata": {"name": "c", "ownerReferences": [OWNER, OWNER]}}
    code, made = await api.do("POST", CONFIGMAPS, body)
    assert (code, made["metadata"]["ownerReferences"]) == (201, [OWNER])
    patch = {"metadata": {"ownerReferences": [OWNER, {**OWNER, "name": "q"}, OWNER]}}
    _, made = await api.do(
        "PATCH", f"{CONFIGMAPS}/c", patch, content_type="application/merge-patch+json"
    )
    assert made["metadata"]["ownerReferences"] == [OWNER, {**OWNER, "name": "q"}]
