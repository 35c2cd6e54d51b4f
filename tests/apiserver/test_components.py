"""Component statuses are probed and not stored."""

from typing import Any


async def test_the_store_is_probed_when_asked_for(api: Any) -> None:
    expected = {
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": "etcd-0"},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    }
    assert await api.do("GET", "/api/v1/componentstatuses/etcd-0") == (200, expected)
    code, found = await api.do("GET", "/api/v1/componentstatuses")
    listed = {name: expected[name] for name in ("metadata", "conditions")}
    assert (code, found["kind"], found["items"]) == (200, "ComponentStatusList", [listed])
    answer = await api.answer("GET", "/api/v1/componentstatuses")
    assert answer.headers["warning"] == '299 - "v1 ComponentStatus is deprecated in v1.19+"'


async def test_others_are_not_there(api: Any) -> None:
    code, status = await api.do("GET", "/api/v1/componentstatuses/nope")
    assert (code, status["message"]) == (404, 'componentstatus "nope" not found')


async def test_a_table_of_them_has_upstreams_columns(api: Any) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    _, table = await api.do("GET", "/api/v1/componentstatuses", accept=accept)
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name", "Status", "Message", "Error",
    ]  # fmt: skip
    assert table["rows"][0]["cells"] == ["etcd-0", "Healthy", "ok", ""]
