"""One real cluster for all end-to-end tests: up once, down at the end, leaving nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.real_cluster import RealCluster, traces


@pytest.fixture(scope="session")
def k() -> Iterator[RealCluster]:
    directory = Path(tempfile.mkdtemp(prefix="pinnace-e2e-"))
    cluster = RealCluster(directory, second_octet=201)
    try:
        said = cluster.up()
        assert "ready: export KUBECONFIG=" in said.out.splitlines()[-1]
        identity = cluster.identity
        assert traces(identity, cluster.data), "a running cluster must be found by its traces"
        yield cluster
    finally:
        cluster.down()
    left = traces(identity, cluster.data)
    shutil.rmtree(directory)
    assert not left
