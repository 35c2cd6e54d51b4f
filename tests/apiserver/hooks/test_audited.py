"""What admission webhooks put into the audit log."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.audit.config import AuditConfig, LogConfig
from pinnace.apiserver.audit.policy_file import read_policy
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/ns/configmaps"
POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"]}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    rules = [{"level": "Metadata", "verbs": ["update"]}, {"level": "Request"}]
    policy = read_policy(orjson.dumps({**POLICY, "rules": rules}))
    log = LogConfig(path=str(tmp_path / "log"))
    config = ServerConfig(admission=True, audit=AuditConfig(policy=policy, log=log))
    made = ApiServer(MemoryStore(), VirtualClock(), config)
    await made.start()
    yield made
    await made.close()


def hook(webhook: Any, path: str, name: str, **more: Any) -> dict[str, Any]:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["configmaps"],
        "operations": ["*"],
    }
    return {
        "name": name,
        "clientConfig": webhook.client(path),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [rule],
        **more,
    }


async def test_webhooks_note_what_they_did(
    api: Any, webhook: Any, server: ApiServer, tmp_path: Path
) -> None:
    api.server = server
    await api.do("POST", "/api/v1/namespaces", {"metadata": {"name": "ns"}})
    patch = [{"op": "add", "path": "/data/x", "value": "1"}]
    webhook.answers["/p"] = webhook.patching(*patch)
    webhook.answers["/n"] = lambda review: {
        "allowed": True,
        "auditAnnotations": {"seen": "yes", "not/good": "x"},
    }
    webhook.answers["/f"] = lambda review: web.Response(status=500)
    await api.hook(
        "Mutating",
        hook(webhook, "/p", "a.x.io"),
        hook(webhook, "/n", "b.x.io"),
        hook(webhook, "/f", "c.x.io", failurePolicy="Ignore"),
    )
    await api.hook("Validating", hook(webhook, "/f", "v.x.io", failurePolicy="Ignore"))
    code, made = await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    assert code == 201
    assert (await api.do("PUT", f"{CONFIGMAPS}/a", made))[0] == 200
    *_, create, update = [
        orjson.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()
    ]
    noted = {key: value for key, value in create["annotations"].items() if "authoriz" not in key}
    assert noted == {
        "b.x.io/seen": "yes",
        "failed-open.mutation.webhook.admission.k8s.io/round_0_index_2": "c.x.io",
        "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "v.x.io",
        "mutation.webhook.admission.k8s.io/round_0_index_0": (
            '{"configuration":"conf","webhook":"a.x.io","mutated":true}'
        ),
        "mutation.webhook.admission.k8s.io/round_0_index_1": (
            '{"configuration":"conf","webhook":"b.x.io","mutated":false}'
        ),
        "mutation.webhook.admission.k8s.io/round_0_index_2": (
            '{"configuration":"conf","webhook":"c.x.io","mutated":false}'
        ),
        "patch.webhook.admission.k8s.io/round_0_index_0": orjson.dumps(
            {"configuration": "conf", "webhook": "a.x.io", "patch": patch, "patchType": "JSONPatch"}
        ).decode(),
    }
    assert not any(key.startswith("patch.") for key in update["annotations"])
