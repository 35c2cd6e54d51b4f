"""Values that another API server has written: upstream's, on an etcd that it had or still has."""

import logging

import orjson

from pinnace.api.codec import protobuf
from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.custom.beta import V1BETA1, as_v1
from pinnace.api.errors import ApiError

_log = logging.getLogger(__name__)
# How our own values begin; Go writes typed objects in the same order, and no others.
_OWN = b'{"kind":"'
# The one kind that upstream's server keeps in a version that nobody is served any more.
_BETA = f'{{"kind":"CustomResourceDefinition","apiVersion":"{V1BETA1}"'.encode()
_PROTOBUF = b"k8s\0"


def readable(key: str, value: bytes) -> bytes | None:
    """Return a stored value in our own form; None, and a word in the log, if nobody can read it."""
    if not value:
        return None  # a value that could not be decrypted, of which the log has been told
    beta = value.startswith(_BETA)
    if value.startswith(_OWN) and not beta:
        return value
    try:
        if beta:
            return canonical_bytes(as_v1(orjson.loads(value)))
        if value.startswith(_PROTOBUF):
            return canonical_bytes(protobuf.decode(value))
        return canonical_bytes(orjson.loads(value))
    except (ApiError, ValueError, AttributeError, LookupError, TypeError) as error:
        _log.error("%s is stored in a form that cannot be read: %s", key, error)
        return None
