"""Where the cluster is and who we are: kubeconfig files, and a Pod's own account."""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pinnace.api.errors import ApiError
from pinnace.client.client import ApiClient
from pinnace.client.transport import Remote, Token

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConfigError(ApiError):
    """A kubeconfig that cannot be used; the message says what is wrong with it."""

    code = 400
    reason = "BadRequest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One cluster as one user: what a connection needs."""

    server: str
    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    token_file: Path | None = None
    insecure: bool = False
    server_name: str = ""
    namespace: str = "default"

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, or None for a server that is spoken to without TLS."""
        if not self.server.startswith("https:"):
            return None
        try:
            context = ssl.create_default_context(cadata=self.ca.decode() if self.ca else None)
            if self.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if self.certificate:
                _load_chain(context, self.certificate, self.key)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(f"unable to load the certificates: {error}") from error
        return context

    def transport(self, *, timeout: float = 60.0) -> Remote:
        """Return a transport to the cluster."""
        return Remote(
            self.server,
            self.ssl_context(),
            Token(self.token, file=self.token_file),
            server_name=self.server_name,
            timeout=timeout,
        )

    def client(self, *, user_agent: str = "pinnace") -> ApiClient:
        """Return a client of the cluster."""
        return ApiClient(self.transport(), user_agent=user_agent)


def _load_chain(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # OpenSSL reads certificates for clients from files only; mkstemp makes it 0600.
    handle, name = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"error loading config file {path}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"error loading config file {path}: not a kubeconfig")
    return document


def contexts(path: str | Path) -> list[str]:
    """Return the names of the contexts that a kubeconfig file has."""
    entries = _read(Path(path)).get("contexts") or ()
    return [str(entry.get("name")) for entry in entries if isinstance(entry, dict)]


def load(path: str | Path, context: str = "") -> Config:
    """Read a kubeconfig file; `context` empty means its current one."""
    path = Path(path)
    document = _read(path)
    name = context or document.get("current-context") or ""
    chosen = _named(document, "contexts", "context", name)
    cluster = _named(document, "clusters", "cluster", chosen.get("cluster") or "")
    user = _named(document, "users", "user", chosen["user"]) if chosen.get("user") else {}
    if "exec" in user or "auth-provider" in user:
        raise ConfigError("credential plugins (exec, auth-provider) are not supported")
    folder = path.parent
    token_file = user.get("tokenFile")
    return Config(
        server=cluster.get("server") or "http://localhost:8080",
        ca=_material(cluster, "certificate-authority", folder),
        certificate=_material(user, "client-certificate", folder),
        key=_material(user, "client-key", folder),
        token="" if token_file else user.get("token", ""),
        token_file=folder / token_file if token_file else None,
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name") or "",
        namespace=chosen.get("namespace") or "default",
    )


def _named(document: Mapping[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    for entry in document.get(plural) or ():
        if entry.get("name") == name:
            return dict(entry.get(singular) or {})
    raise ConfigError(f'{singular} "{name}" does not exist')


def _material(entry: Mapping[str, Any], name: str, folder: Path) -> bytes:
    """Return certificate material that is given inline or by file; inline wins."""
    try:
        if inline := entry.get(f"{name}-data"):
            return base64.b64decode(inline, validate=True)
        if file := entry.get(name):
            return folder.joinpath(file).read_bytes()
    except (OSError, binascii.Error) as error:
        raise ConfigError(f"unable to read {name}: {error}") from error
    return b""


def document(config: Config, *, cluster: str = "pinnace", user: str = "admin") -> dict[str, Any]:
    """Return a kubeconfig with one context, called after the cluster; everything inline."""

    def inline(material: bytes) -> str:
        return base64.b64encode(material).decode()

    where: dict[str, Any] = {"server": config.server}
    if config.insecure:
        where["insecure-skip-tls-verify"] = True
    elif config.ca:
        where["certificate-authority-data"] = inline(config.ca)
    if config.server_name:
        where["tls-server-name"] = config.server_name
    who: dict[str, Any] = {}
    if config.certificate:
        who["client-certificate-data"] = inline(config.certificate)
        who["client-key-data"] = inline(config.key)
    if config.token_file is not None:
        who["tokenFile"] = str(config.token_file)
    elif config.token:
        who["token"] = config.token
    chosen = {"cluster": cluster, "user": user}
    if config.namespace != "default":
        chosen["namespace"] = config.namespace
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": where}],
        "users": [{"name": user, "user": who}],
        "contexts": [{"name": cluster, "context": chosen}],
        "current-context": cluster,
    }


def dump(
    path: str | Path,
    config: Config,
    *,
    cluster: str = "pinnace",
    user: str = "admin",
    owner: tuple[int, int] | None = None,
) -> None:
    """Write a kubeconfig file that only its owner can read, at once or not at all.

    It belongs to the user and group of `owner` if given, and never anything else that may be
    found at the path.
    """
    path = Path(path)
    text = yaml.safe_dump(document(config, cluster=cluster, user=user), sort_keys=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mkstemp's files are 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def in_cluster(environ: Mapping[str, str], account: Path = _ACCOUNT) -> Config:
    """Return the configuration that a Pod is given."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise ConfigError(
            "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
            "KUBERNETES_SERVICE_PORT must be defined"
        )
    try:
        ca = (account / "ca.crt").read_bytes()
        namespace = (account / "namespace").read_text().strip()
    except OSError as error:
        raise ConfigError(f"unable to load in-cluster configuration: {error}") from error
    joined = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Config(
        server=f"https://{joined}", ca=ca, token_file=account / "token", namespace=namespace
    )
