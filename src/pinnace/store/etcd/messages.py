"""etcd's messages: classes made at run time from a short table of its published v3 service.

The pool is private, so that no other package's descriptors of the same names can clash with them.
Only what is used here is listed; protobuf skips fields that it does not know.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "etcdserverpb"
_NUMBERS = {"bool": 8, "bytes": 12, "int64": 3, "uint64": 4, "int32": 5, "string": 9}
# Each field is name:number:type; `*` is a repeated one, `name@group` belongs to a oneof.
# Enums are listed as int32, which is what they are on the wire.
_TABLE = {
    "KeyValue": "key:1:bytes create_revision:2:int64 mod_revision:3:int64 version:4:int64 "
    "value:5:bytes lease:6:int64",
    "Event": "type:1:int32 kv:2:KeyValue prev_kv:3:KeyValue",
    "ResponseHeader": "cluster_id:1:uint64 member_id:2:uint64 revision:3:int64 raft_term:4:uint64",
    "RangeRequest": "key:1:bytes range_end:2:bytes limit:3:int64 revision:4:int64 "
    "serializable:7:bool keys_only:8:bool count_only:9:bool",
    "RangeResponse": "header:1:ResponseHeader kvs:2:*KeyValue more:3:bool count:4:int64",
    "PutRequest": "key:1:bytes value:2:bytes lease:3:int64",
    "PutResponse": "header:1:ResponseHeader",
    "DeleteRangeRequest": "key:1:bytes range_end:2:bytes",
    "DeleteRangeResponse": "header:1:ResponseHeader deleted:2:int64",
    "RequestOp": "request_range@request:1:RangeRequest request_put@request:2:PutRequest "
    "request_delete_range@request:3:DeleteRangeRequest",
    "ResponseOp": "response_range@response:1:RangeResponse response_put@response:2:PutResponse "
    "response_delete_range@response:3:DeleteRangeResponse",
    "Compare": "result:1:int32 target:2:int32 key:3:bytes mod_revision@target_union:6:int64",
    "TxnRequest": "compare:1:*Compare success:2:*RequestOp failure:3:*RequestOp",
    "TxnResponse": "header:1:ResponseHeader succeeded:2:bool responses:3:*ResponseOp",
    "CompactionRequest": "revision:1:int64 physical:2:bool",
    "CompactionResponse": "header:1:ResponseHeader",
    "WatchCreateRequest": "key:1:bytes range_end:2:bytes start_revision:3:int64 "
    "progress_notify:4:bool prev_kv:6:bool",
    "WatchRequest": "create_request@request_union:1:WatchCreateRequest",
    "WatchResponse": "header:1:ResponseHeader watch_id:2:int64 created:3:bool canceled:4:bool "
    "compact_revision:5:int64 cancel_reason:6:string events:11:*Event",
    "LeaseGrantRequest": "TTL:1:int64 ID:2:int64",
    "LeaseGrantResponse": "header:1:ResponseHeader ID:2:int64 TTL:3:int64 error:4:string",
    "StatusRequest": "",
    "StatusResponse": "header:1:ResponseHeader version:2:string dbSize:3:int64 dbSizeInUse:9:int64",
}
# Compare.result EQUAL, Compare.target MOD, Event.type DELETE.
EQUAL, MOD, DELETE = 0, 2, 1


class Messages:
    """The message classes, by name; one set for each connection."""

    def __init__(self) -> None:
        file = descriptor_pb2.FileDescriptorProto(
            name="pinnace/etcd.proto", package=_PACKAGE, syntax="proto3"
        )
        for name, text in _TABLE.items():
            message = file.message_type.add(name=name)
            for field in text.split():
                _add_field(message, field)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        self._classes: dict[str, Any] = {
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
            for name in _TABLE
        }

    def __getitem__(self, name: str) -> Any:
        return self._classes[name]


def _add_field(message: Any, text: str) -> None:
    name, number, kind = text.split(":")
    name, _, group = name.partition("@")
    field = message.field.add(name=name, number=int(number), label=3 if kind[0] == "*" else 1)
    kind = kind.lstrip("*")
    if kind in _NUMBERS:
        field.type = _NUMBERS[kind]
    else:
        field.type, field.type_name = 11, f".{_PACKAGE}.{kind}"
    if group:
        groups = [one.name for one in message.oneof_decl]
        if group not in groups:
            message.oneof_decl.add(name=group)
            groups.append(group)
        field.oneof_index = groups.index(group)
