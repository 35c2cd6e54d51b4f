"""The documents by which others check this cluster's tokens: OIDC discovery and its key set."""

from collections.abc import Iterable

from pinnace.api.objects import Object
from pinnace.kit.x509 import json_web_key

CONFIGURATION_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/openid/v1/jwks"
KEYS_CONTENT_TYPE = "application/jwk-set+json"
CACHE_CONTROL = "public, max-age=3600"


def headers_of(path: str) -> dict[str, str]:
    """Return the headers with which one of the documents goes out, as verifiers expect them."""
    kind = KEYS_CONTENT_TYPE if path == KEYS_PATH else "application/json"
    return {"content-type": kind, "cache-control": CACHE_CONTROL}


def configuration(*, issuer: str, keys_uri: str) -> Object:
    """Return what `/.well-known/openid-configuration` answers (as application/json)."""
    return {
        "issuer": issuer,
        "jwks_uri": keys_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def key_set(public_keys: Iterable[bytes]) -> Object:
    """Return what `/openid/v1/jwks` answers: the public keys, given in PEM."""
    return {"keys": [json_web_key(pem) for pem in public_keys]}
