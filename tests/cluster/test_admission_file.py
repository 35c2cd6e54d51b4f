"""The admission configuration that users give the API server."""

import orjson
import pytest

from pinnace.cluster.admission_file import admission_options
from pinnace.cluster.apiserver_settings import settings
from pinnace.cluster.config import ConfigError
from pinnace.cluster.embedded import Cluster

HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n"
SELECTORS = "podNodeSelectorPluginConfig:\n  clusterDefaultNodeSelector: a=b\n"


def read(tmp_path, text, **more):
    file = tmp_path / "admission.yaml"
    file.write_text(text)
    return admission_options(settings({"admission_control_config_file": str(file), **more}))


def test_settings_stand_in_the_file_or_in_files_beside_it(tmp_path):
    (tmp_path / "selectors.yaml").write_text(SELECTORS)
    expected = {"podNodeSelectorPluginConfig": {"clusterDefaultNodeSelector": "a=b"}}
    beside = read(tmp_path, HEAD + "- {name: PodNodeSelector, path: selectors.yaml}\n")
    within = read(
        tmp_path,
        HEAD + '- {"name": PodNodeSelector, configuration: {podNodeSelectorPluginConfig: '
        "{clusterDefaultNodeSelector: a=b}}}\n",
    )
    legacy = read(tmp_path, SELECTORS)
    for each in (beside, within, legacy):
        assert each.configuration == {"PodNodeSelector": expected}


@pytest.mark.parametrize(
    "text",
    [
        "kind: Nope\n",
        ":\n  - [",
        HEAD + "- {name: PodNodeSelector, path: nowhere.yaml}\n",
        HEAD + "- {name: PodSecurity, configuration: {kind: Nope}}\n",
        HEAD + "- {name: Nope, configuration: {}}\n",
    ],
)
def test_a_wrong_file_ends_the_start_with_one_line(tmp_path, text):
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert "\n" not in str(refused.value)


async def test_a_cluster_provides_namespaces_when_told_to():
    more = {"enable_admission_plugins": "NamespaceAutoProvision"}
    async with Cluster(nodes=0, apiserver=more) as cluster:
        body = {"metadata": {"name": "c"}}
        path = "/api/v1/namespaces/new/configmaps"
        await cluster.client.raw("POST", path, body=orjson.dumps(body))
        assert await cluster.client.raw("GET", "/api/v1/namespaces/new")
