"""Secrets of tokens: filled in, ended, and signing what newcomers read."""

import base64
from datetime import timedelta

from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import CONFIGMAPS, SECRETS, SERVICEACCOUNTS
from pinnace.controllers.base import Config
from pinnace.controllers.bootstrap_signer import BOOTSTRAP_SIGNER, signature
from pinnace.controllers.serviceaccount_token import SERVICEACCOUNT_TOKEN
from pinnace.controllers.token_cleaner import TOKEN_CLEANER
from pinnace.kit.clock import VirtualClock

NOW = VirtualClock().now()


def data(**values):
    return {
        key.replace("_", "-"): base64.b64encode(v.encode()).decode() for key, v in values.items()
    }


def bootstrap(**values):
    held = {"token_id": "abcdef", "token_secret": "0123456789abcdef", **values}
    meta = {"name": "bootstrap-token-abcdef", "namespace": "kube-system"}
    return {"metadata": meta, "type": "bootstrap.kubernetes.io/token", "data": data(**held)}


async def test_an_expired_bootstrap_token_is_deleted_and_one_with_time_is_not():
    async with running(TOKEN_CLEANER) as it:
        late = (NOW + timedelta(days=9999)).isoformat()
        await it.cluster.create(SECRETS, bootstrap(expiration=late))
        await it.settle()
        assert len(it.cluster.all(SECRETS)) == 1
    async with running(TOKEN_CLEANER) as it:
        await it.cluster.create(SECRETS, bootstrap(expiration="2001-01-01T00:00:00Z"))
        await it.settle()
        assert it.cluster.all(SECRETS) == []


async def test_the_clusters_information_is_signed_by_tokens_for_signing():
    info = {"metadata": {"name": "cluster-info", "namespace": "kube-public"}}
    held = {"kubeconfig": "text", "jws-kubeconfig-gone00": "x"}
    async with running(BOOTSTRAP_SIGNER) as it:
        await it.cluster.create(CONFIGMAPS, {**info, "data": held})
        await it.cluster.create(SECRETS, bootstrap(usage_bootstrap_signing="true"))
        await it.settle()
        (found,) = it.cluster.all(CONFIGMAPS)
    signed = signature("text", "abcdef", "0123456789abcdef")
    assert found["data"] == {"kubeconfig": "text", "jws-kubeconfig-abcdef": signed}
    assert signed.startswith("eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..")


async def test_a_token_secret_is_filled_in_and_ends_with_its_account():
    name = {"kubernetes.io/service-account.name": "robot"}
    meta = {"name": "t", "namespace": "ns", "annotations": name}
    secret = {"metadata": meta, "type": "kubernetes.io/service-account-token"}
    config = Config(root_ca="CA", sign_token=lambda claims: claims["sub"])
    async with running(SERVICEACCOUNT_TOKEN, config=config) as it:
        account = {"metadata": {"name": "robot", "namespace": "ns"}}
        made = await it.cluster.create(SERVICEACCOUNTS, account)
        await it.cluster.create(SECRETS, secret)
        await it.settle()
        (found,) = it.cluster.all(SECRETS)
        token = "system:serviceaccount:ns:robot"
        assert found["data"] == {**data(namespace="ns", token=token), "ca.crt": "Q0E="}
        uid = found["metadata"]["annotations"]["kubernetes.io/service-account.uid"]
        assert uid == made["metadata"]["uid"]
        await it.cluster.delete(SERVICEACCOUNTS, "robot", namespace="ns")
        await it.settle()
        assert it.cluster.all(SECRETS) == []
