"""Clients that accept nothing but protobuf get protobuf, also lists and watches."""

import asyncio
import gzip
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


async def test_what_is_named_first_is_answered(api: Any) -> None:
    answer = await api.answer("GET", CONFIGMAPS, accept=f"{PROTOBUF},application/json")
    assert answer.headers["content-type"] == PROTOBUF
    answer = await api.answer("GET", CONFIGMAPS, accept=f"application/json,{PROTOBUF}")
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


async def test_writes_are_answered_in_the_form_that_is_asked_for(api: Any) -> None:
    both = f"{PROTOBUF},application/json"
    made = await api.answer("POST", CONFIGMAPS, {"metadata": {"name": "a"}}, accept=both)
    assert (made.status, decode(made.body)["kind"]) == (201, "ConfigMap")
    body = {"metadata": {"name": "a"}, "data": {"k": "v"}}
    put = await api.answer("PUT", f"{CONFIGMAPS}/a", body, accept=both)
    assert decode(put.body)["data"] == {"k": "v"}
    gone = decode((await api.answer("DELETE", f"{CONFIGMAPS}/a", accept=both)).body)
    assert (gone["kind"], gone["status"], gone["details"]["name"]) == ("Status", "Success", "a")


async def test_metadata_alone_is_to_be_had_in_protobuf(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    for version in ("v1", "v1beta1"):
        accept = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v={version}"
        listed = decode((await api.answer("GET", CONFIGMAPS, accept=accept)).body)
        assert listed["kind"] == "PartialObjectMetadataList"
        assert listed["metadata"]["resourceVersion"]
        assert [set(item) for item in listed["items"]] == [{"metadata"}]
        assert listed["items"][0]["metadata"]["name"] == "a"
        # The second time the whole objects' messages are there to be cut.
        await api.answer("GET", CONFIGMAPS, accept=PROTOBUF)


async def test_a_long_list_is_one_message_however_it_is_sent(api: Any) -> None:
    for number in range(250):
        await api.do("POST", CONFIGMAPS, {"metadata": {"name": f"a{number:03}"}})
    plain = await api.answer("GET", CONFIGMAPS, accept=PROTOBUF)
    zipped = await api.answer("GET", CONFIGMAPS, accept=PROTOBUF, accept_encoding="gzip")
    pieces = [piece async for piece in plain.frames]
    assert all(pieces)
    body = b"".join(pieces)
    assert [item["metadata"]["name"] for item in decode(body)["items"]][249] == "a249"
    assert gzip.decompress(b"".join([piece async for piece in zipped.frames])) == body


async def test_a_watch_tells_what_is_there_a_bookmark_and_what_changes(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
    query = "watch=1&allowWatchBookmarks=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan"
    answer = await api.answer("GET", f"{CONFIGMAPS}?{query}", accept=PROTOBUF)
    assert event(await anext(answer.frames))[1]["metadata"]["name"] == "a"
    kind, mark = event(await anext(answer.frames))
    assert (kind, mark["kind"]) == ("BOOKMARK", "ConfigMap")
    assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    changing = asyncio.ensure_future(anext(answer.frames))
    await api.do("DELETE", f"{CONFIGMAPS}/a")
    kind, gone = event(await changing)
    assert (kind, gone["metadata"]["name"]) == ("DELETED", "a")
    assert int(gone["metadata"]["resourceVersion"]) > int(mark["metadata"]["resourceVersion"])
    await answer.frames.aclose()


def event(frame: bytes) -> tuple[str, Any]:
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    size = frame[5]
    return frame[6 : 6 + size].decode(), decode(frame[frame.index(b"k8s\0") :])
