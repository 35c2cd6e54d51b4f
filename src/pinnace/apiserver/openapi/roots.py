"""The operations that are no resource's: discovery, the version, and the OpenID documents."""

from collections.abc import Iterable

from pinnace.api.resources import Resource
from pinnace.apiserver.openapi.operations import OBJECT_TYPES, Naming, Operation

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_VERSIONS = "get available API versions"
_ISSUER = "get service account issuer OpenID "
_JSON = ("application/json",)
_FIXED = (
    Operation(
        path="/.well-known/openid-configuration/",
        method="get",
        id="getServiceAccountIssuerOpenIDConfiguration",
        tag="WellKnown",
        description=_ISSUER + "configuration, also known as the 'OIDC discovery doc'",
        body_types=(),
        answer_types=_JSON,
    ),
    Operation(
        path="/api/",
        method="get",
        id="getCoreAPIVersions",
        tag="core",
        description=_VERSIONS,
        body_types=OBJECT_TYPES,
        answer=_META + "APIVersions",
    ),
    Operation(
        path="/apis/",
        method="get",
        id="getAPIVersions",
        tag="apis",
        description=_VERSIONS,
        body_types=OBJECT_TYPES,
        answer=_META + "APIGroupList",
    ),
    Operation(
        path="/openid/v1/jwks/",
        method="get",
        id="getServiceAccountIssuerOpenIDKeyset",
        tag="openid",
        description=_ISSUER + "JSON Web Key Set (contains public token verification keys)",
        body_types=(),
        answer_types=("application/jwk-set+json",),
    ),
    Operation(
        path="/version/",
        method="get",
        id="getCodeVersion",
        tag="version",
        description="get the version information for this server",
        body_types=_JSON,
        answer="io.k8s.apimachinery.pkg.version.Info",
        answer_types=_JSON,
    ),
)


def roots(rows: Iterable[Resource]) -> dict[str, Operation]:
    """Return the operations by the names of the documents that each of them fills alone."""
    found = {operation.path.strip("/"): operation for operation in _FIXED}
    for row in rows:
        if row.group and f"apis/{row.group}" not in found:
            found[f"apis/{row.group}"] = _group(row)
    return found


def _group(row: Resource) -> Operation:
    naming = Naming(row)
    return Operation(
        path=f"/apis/{row.group}/",
        method="get",
        id=f"get{naming.group}APIGroup",
        tag=naming.tag.rpartition("_")[0],
        description="get information of a group",
        body_types=OBJECT_TYPES,
        answer=_META + "APIGroup",
    )
