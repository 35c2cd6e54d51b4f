"""Clients that accept nothing but protobuf get protobuf, also lists and watches."""

from typing import Any

from pinnace.api.codec.protobuf import decode

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def test_objects_lists_and_errors_are_encoded(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    answer = await api.answer("GET", f"{CONFIGMAPS}/a", accept=PROTOBUF)
    assert answer.headers["content-type"] == PROTOBUF
    assert decode(answer.body)["data"] == {"k": "v"}
    listed = decode((await api.answer("GET", CONFIGMAPS, accept=PROTOBUF)).body)
    assert (listed["kind"], len(listed["items"])) == ("ConfigMapList", 1)
    missing = await api.answer("GET", f"{CONFIGMAPS}/b", accept=PROTOBUF)
    assert (missing.status, decode(missing.body)["reason"]) == (404, "NotFound")


async def test_who_accepts_json_too_gets_json(api: Any) -> None:
    answer = await api.answer("GET", CONFIGMAPS, accept=f"{PROTOBUF},application/json")
    assert answer.headers["content-type"] == "application/json"


async def test_a_table_is_not_to_be_had_in_protobuf(api: Any) -> None:
    accept = f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io"
    assert (await api.answer("GET", CONFIGMAPS, accept=accept)).status == 406


async def test_events_of_a_watch_stand_behind_their_length(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
    answer = await api.answer("GET", f"{CONFIGMAPS}?watch=1", accept=PROTOBUF)
    assert answer.headers["content-type"] == f"{PROTOBUF};stream=watch"
    frame = await anext(answer.frames)
    length = int.from_bytes(frame[:4], "big")
    assert len(frame) == 4 + length
    assert frame[4:11] == b"\x0a\x05ADDED"
    assert decode(frame[frame.index(b"k8s\0") :])["metadata"]["name"] == "a"
    await answer.frames.aclose()
