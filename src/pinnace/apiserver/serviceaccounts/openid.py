"""The documents by which others check this cluster's tokens: OIDC discovery and its key set."""

from collections.abc import Iterable
from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.kit.jwk import json_web_key

CONFIGURATION_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/openid/v1/jwks"
PATHS = (CONFIGURATION_PATH, KEYS_PATH)
KEYS_CONTENT_TYPE = "application/jwk-set+json"
CACHE_CONTROL = "public, max-age=3600"


def headers_of(path: str) -> dict[str, str]:
    """Return the headers with which one of the documents goes out, as verifiers expect them."""
    kind = KEYS_CONTENT_TYPE if path == KEYS_PATH else "application/json"
    return {"content-type": kind, "cache-control": CACHE_CONTROL}


@dataclass(frozen=True, slots=True)
class OpenId:
    """Who issues this cluster's tokens, and where its keys are to be had."""

    issuer: str
    keys_uri: str

    def document(self, path: str, public_keys: Iterable[bytes]) -> Object:
        """Return the document at one of the paths; the keys are given in PEM."""
        keys = [json_web_key(pem) for pem in public_keys]
        if path == KEYS_PATH:
            return {"keys": keys}
        return {
            "issuer": self.issuer,
            "jwks_uri": self.keys_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key["alg"] for key in keys}),
        }
