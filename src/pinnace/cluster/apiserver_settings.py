"""What users may tell the API server: a field for each setting, named as kube-apiserver's flag.

The command line derives an option from each field (`cli/commands/apiserver_options.py`), and
`pinnace.Cluster(apiserver=...)` takes them by name. A cluster remembers what it was told, so a path
to a file is kept whole. What a setting does is `cluster/server.py`'s, which makes the server's own
configuration of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pinnace.api.durations import parse_duration
from pinnace.cluster.audit_settings import AuditSettings
from pinnace.cluster.setting_forms import Form, setting

__all__ = ["FIELDS", "ApiServerSettings", "Form", "parsed", "setting", "settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServerSettings(AuditSettings):
    """The settings of one API server; the defaults are kube-apiserver's.

    But for the versions: all that are published are served (decision 0010). Whoever names some gets
    what upstream makes of the names.
    """

    request_timeout: float = setting(
        60.0, Form.DURATION, "After how long a request that is no watch is answered with 504."
    )
    min_request_timeout: int = setting(
        1800, Form.NUMBER, "How many seconds a watch lasts at least, if its client names no end."
    )
    encryption_provider_config: str = setting(
        "", Form.FILE, "What is encrypted in the store, and how (an EncryptionConfiguration)."
    )
    encryption_provider_config_automatic_reload: bool = setting(
        False, Form.SWITCH, "Look every minute whether that file has changed."
    )
    event_ttl: float = setting(3600.0, Form.DURATION, "How long Events are kept.")
    anonymous_auth: bool = setting(True, Form.SWITCH, "Let requests in that name nobody.")
    client_ca_file: str = setting(
        "", Form.FILE, "Further authorities whose client certificates are users'."
    )
    requestheader_client_ca_file: str = setting(
        "", Form.FILE, "Further authorities whose clients may say for whom they ask."
    )
    requestheader_allowed_names: tuple[str, ...] = setting(
        (), Form.LIST, "Common names that such clients must have; none for any."
    )
    requestheader_username_headers: tuple[str, ...] = setting(
        (), Form.LIST, "Headers that name the user, beside X-Remote-User."
    )
    requestheader_uid_headers: tuple[str, ...] = setting(
        (), Form.LIST, "Headers that tell the user's uid, beside X-Remote-Uid."
    )
    requestheader_group_headers: tuple[str, ...] = setting(
        (), Form.LIST, "Headers that name the user's groups, beside X-Remote-Group."
    )
    requestheader_extra_headers_prefix: tuple[str, ...] = setting(
        (), Form.LIST, "How headers with more on the user begin, beside X-Remote-Extra-."
    )
    token_auth_file: str = setting(
        "", Form.FILE, "A CSV file of tokens: token, user name, uid, and groups if any."
    )
    enable_bootstrap_token_auth: bool = setting(
        False, Form.SWITCH, "Accept the tokens of bootstrap token Secrets in kube-system."
    )
    authentication_config: str = setting(
        "", Form.FILE, "An AuthenticationConfiguration; read again when it changes."
    )
    oidc_issuer_url: str = setting("", Form.TEXT, "The identity provider whose tokens are good.")
    oidc_client_id: str = setting("", Form.TEXT, "Whom the provider's tokens must be for.")
    oidc_ca_file: str = setting("", Form.FILE, "The authorities of the provider's certificate.")
    oidc_username_claim: str = setting("sub", Form.TEXT, "The claim that names the user.")
    oidc_username_prefix: str = setting(
        "", Form.TEXT, "What user names begin with: the issuer unless told, nothing for '-'."
    )
    oidc_groups_claim: str = setting("", Form.TEXT, "The claim that names the user's groups.")
    oidc_groups_prefix: str = setting("", Form.TEXT, "What the names of groups begin with.")
    oidc_signing_algs: tuple[str, ...] = setting(
        ("RS256",), Form.LIST, "The algorithms that tokens may be signed with."
    )
    oidc_required_claim: tuple[str, ...] = setting(
        (), Form.LIST, "Claims that tokens must have, as claim=value."
    )
    authentication_token_webhook_config_file: str = setting(
        "", Form.FILE, "A kubeconfig of the webhook that is asked whose a token is."
    )
    authentication_token_webhook_version: str = setting(
        "v1beta1", Form.TEXT, "The version of the TokenReviews that the webhook gets."
    )
    authentication_token_webhook_cache_ttl: float = setting(
        120.0, Form.DURATION, "How long the webhook's answers are remembered."
    )
    api_audiences: tuple[str, ...] = setting(
        (), Form.LIST, "Whom tokens for this API are for; the issuers unless told."
    )
    service_account_issuer: tuple[str, ...] = setting(
        (), Form.LIST, "In whose name service account tokens are; the first signs."
    )
    service_account_key_file: tuple[str, ...] = setting(
        (), Form.LIST, "Files of keys that check service account tokens, in place of our own."
    )
    service_account_signing_key_file: str = setting(
        "", Form.FILE, "The key that signs service account tokens, in place of our own."
    )
    service_account_lookup: bool = setting(
        True, Form.SWITCH, "Look whether the Secret of an old token is still there."
    )
    service_account_jwks_uri: str = setting(
        "", Form.TEXT, "Where others find the keys, if not at this server."
    )
    service_account_max_token_expiration: float = setting(
        0.0, Form.DURATION, "How long a token lives at most; 0 for as long as is asked."
    )
    service_account_extend_token_expiration: bool = setting(
        True, Form.SWITCH, "Let the tokens that Pods get live for a year, and warn of old ones."
    )
    runtime_config: tuple[str, ...] = setting(
        ("api/all=true",),
        Form.LIST,
        "Which versions are served beside the stable ones: api/beta=true, GROUP/VERSION=false.",
    )
    feature_gates: tuple[str, ...] = setting(
        ("AllAlpha=true", "AllBeta=true"),
        Form.LIST,
        "Which kinds are served that upstream has off: NAME=true, AllAlpha=true, AllBeta=true.",
    )
    enable_admission_plugins: tuple[str, ...] = setting(
        (), Form.LIST, "Admission plug-ins that are on beside those that are by default."
    )
    disable_admission_plugins: tuple[str, ...] = setting(
        (), Form.LIST, "Admission plug-ins that are off although they are on by default."
    )
    admission_control_config_file: str = setting(
        "", Form.FILE, "File with an AdmissionConfiguration: what single plug-ins are told."
    )
    enable_priority_and_fairness: bool = setting(
        True,
        Form.SWITCH,
        "Divide the server among its clients, by flow schemas and levels.",
    )
    max_requests_inflight: int = setting(
        400, Form.NUMBER, "How many reads are served at a time; with priority and fairness, seats."
    )
    max_mutating_requests_inflight: int = setting(
        200, Form.NUMBER, "How many writes are served at a time; with priority and fairness, seats."
    )

    # kube-apiserver's own default allows everything; these are what every cluster has.
    authorization_mode: tuple[str, ...] = setting(
        ("Node", "RBAC"),
        Form.LIST,
        "Who decides what callers may do, in this order: AlwaysAllow, AlwaysDeny, ABAC, Webhook, "
        "RBAC, Node.",
    )
    authorization_policy_file: str = setting(
        "", Form.FILE, "The policies of the mode ABAC, a JSON object a line."
    )
    authorization_webhook_config_file: str = setting(
        "", Form.FILE, "A kubeconfig that leads to the service of the mode Webhook."
    )
    authorization_webhook_version: str = setting(
        "v1beta1", Form.TEXT, "The version of the SubjectAccessReviews for that service."
    )
    authorization_webhook_cache_authorized_ttl: float = setting(
        300.0, Form.DURATION, "How long that service's permissions are remembered."
    )
    authorization_webhook_cache_unauthorized_ttl: float = setting(
        30.0, Form.DURATION, "How long that service's refusals are remembered."
    )
    authorization_config: str = setting(
        "", Form.FILE, "An AuthorizationConfiguration, instead of the other authorization options."
    )


FIELDS = {one.name: one for one in fields(ApiServerSettings)}


def parsed(name: str, given: object) -> Any:
    """Return the value of a setting as its field holds it; raises ValueError with the reason.

    Texts are read as on the command line; values of the field's own type stay what they are. A name
    that is no setting's is an error too.
    """
    if name not in FIELDS:
        raise ValueError(f"the API server has no setting {name!r}")
    form = FIELDS[name].metadata["form"]
    if form is Form.LIST:
        parts = given.split(",") if isinstance(given, str) else given
        if not isinstance(parts, list | tuple):
            raise ValueError(f"{name} is a list of texts")
        return tuple(str(part).strip() for part in parts if str(part).strip())
    if form is Form.DURATION and isinstance(given, str):
        return parse_duration(given)
    wanted: dict[Form, tuple[type, ...]] = {
        Form.NUMBER: (int,),
        Form.DECIMAL: (int, float),
        Form.DURATION: (int, float),
        Form.SWITCH: (bool,),
    }
    types = wanted.get(form, (str,))
    if not isinstance(given, types) or (isinstance(given, bool) and form is not Form.SWITCH):
        raise ValueError(f"{name} cannot be {given!r}")
    return float(given) if form in (Form.DURATION, Form.DECIMAL) else given  # type: ignore[arg-type]


def settings(given: Mapping[str, object]) -> ApiServerSettings:
    """Return the settings with these values, the rest as by default; raises ValueError."""
    return ApiServerSettings(**{name: parsed(name, value) for name, value in given.items()})
