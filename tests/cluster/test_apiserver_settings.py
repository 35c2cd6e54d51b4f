"""What users tell the API server: on the command line, in a test, and remembered."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from pinnace.cli.main import main
from pinnace.cluster import config as configs
from pinnace.cluster.apiserver_settings import ApiServerSettings, settings
from pinnace.cluster.embedded import Cluster


def test_settings_are_read_as_the_flags_of_upstream_are() -> None:
    found = settings({"request_timeout": "1m30s", "min_request_timeout": 5})
    assert found == ApiServerSettings(request_timeout=90.0, min_request_timeout=5)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"request_timeout": "soon"}, 'invalid duration "soon"'),
        ({"min_request_timeout": True}, "cannot be True"),
        ({"no_such": 1}, "no setting 'no_such'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        settings(given)


def test_a_cluster_remembers_its_settings_and_changes_those_that_are_given(tmp_path: Path) -> None:
    first = configs.resolve(tmp_path, apiserver={"event_ttl": "2h", "min_request_timeout": 7})
    configs.save(first)
    again = configs.resolve(tmp_path, apiserver={"min_request_timeout": 8})
    assert (again.apiserver.event_ttl, again.apiserver.min_request_timeout) == (7200.0, 8)


def test_what_a_newer_version_remembered_is_passed_over(tmp_path: Path) -> None:
    configs.save(configs.resolve(tmp_path))
    file = tmp_path / configs.CONFIG_FILE
    file.write_text(file.read_text().replace('"event_ttl"', '"of_tomorrow"'))
    assert configs.resolve(tmp_path).apiserver == ApiServerSettings()


def test_the_command_line_has_an_option_for_each_setting() -> None:
    result = CliRunner().invoke(main, ["up", "--request-timeout", "soon"])
    assert result.exit_code == 2
    assert 'invalid duration "soon"' in result.output


async def test_a_cluster_in_a_test_takes_settings() -> None:
    async with Cluster(nodes=0, apiserver={"event_ttl": "5m"}) as cluster:
        assert cluster.server.core.config.event_ttl == 300


@pytest.mark.parametrize(
    ("told", "served"), [({}, True), ({"runtime_config": "api/ga=true"}, False)]
)
async def test_beta_versions_are_served_unless_others_are_asked_for(
    told: dict[str, str], served: bool
) -> None:
    async with Cluster(nodes=0, apiserver=told) as cluster:
        found = orjson.loads(await cluster.client.raw("GET", "/apis"))["groups"]
        names = {each["groupVersion"] for group in found for each in group["versions"]}
        assert ("resource.k8s.io/v1beta1" in names) is served
        assert "resource.k8s.io/v1" in names
