"""kube-apiserver's command line: which flags there are, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pinnace.api.durations import parse_duration
from pinnace.cluster.apiserver_settings import FIELDS, parsed
from pinnace.cluster.config import ConfigError
from pinnace.cluster.setting_forms import Form, setting
from pinnace.store.etcd.settings import PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFlags:
    """What a kube-apiserver is told that for Pinnace is not the API server's own setting.

    The names and defaults are upstream's.
    """

    advertise_address: str = setting("", Form.TEXT, "The address for Pods and nodes.")
    bind_address: str = setting("0.0.0.0", Form.TEXT, "The address to listen on.")
    secure_port: int = setting(6443, Form.NUMBER, "The port to listen on.")
    cert_dir: str = setting(
        "/var/run/kubernetes", Form.FILE, "Where apiserver.crt and apiserver.key are, or get made."
    )
    tls_cert_file: str = setting("", Form.FILE, "The certificate to show, in place of those.")
    tls_private_key_file: str = setting("", Form.FILE, "Its key.")
    etcd_servers: tuple[str, ...] = setting((), Form.LIST, "The etcd that has the objects.")
    etcd_prefix: str = setting(PREFIX, Form.TEXT, "What the keys in etcd begin with.")
    etcd_cafile: str = setting("", Form.FILE, "The authority of etcd's certificate.")
    etcd_certfile: str = setting("", Form.FILE, "The certificate to show to etcd.")
    etcd_keyfile: str = setting("", Form.FILE, "Its key.")
    service_cluster_ip_range: str = setting("10.0.0.0/24", Form.TEXT, "The Services' addresses.")
    service_node_port_range: str = setting("30000-32767", Form.TEXT, "The Services' node ports.")
    allow_privileged: bool = setting(
        True, Form.SWITCH, "Let privileged containers in; they always are."
    )


# Flags that say how a kube-apiserver logs and caches. Nothing that a client sees hangs on them.
IDLE = {
    "v": Form.NUMBER,
    "vmodule": Form.TEXT,
    "logging_format": Form.TEXT,
    "log_flush_frequency": Form.DURATION,
    "profiling": Form.SWITCH,
    "contention_profiling": Form.SWITCH,
    "watch_cache": Form.SWITCH,
    "watch_cache_sizes": Form.LIST,
    "storage_media_type": Form.TEXT,
    "delete_collection_workers": Form.NUMBER,
}
_OWN = {one.name: one for one in fields(ServerFlags)}
# Whoever starts a kube-apiserver expects the versions that it serves, not all that there are.
_UPSTREAM = {"runtime_config": (), "feature_gates": ()}
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


@dataclass(frozen=True, slots=True)
class Told:
    """A command line that was understood: facts of the server, and the API server's settings."""

    server: ServerFlags
    settings: dict[str, object] = field(default_factory=dict)


def parse(arguments: Sequence[str]) -> Told:
    """Return what a command line says; raises ConfigError in upstream's words."""
    server: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for name, texts in _given(arguments).items():
        if name in IDLE:
            continue
        value = _value(name, texts)
        if name in FIELDS:
            settings[name] = value
        else:
            server[name] = value
    told = Told(ServerFlags(**server), {**_UPSTREAM, **settings})
    _check(told.server)
    return told


def usage() -> str:
    """Return the flags as `--help` lists them, one on a line."""
    rows = sorted({**FIELDS, **_OWN}.items())
    lines = ["Pinnace's API server under kube-apiserver's name and flags.", "", "Flags:", ""]
    for name, entry in rows:
        form: Form = entry.metadata["form"]
        kind = "" if form is Form.SWITCH else f" {form.value.lower()}"
        lines.append(f"      --{_flag(name)}{kind}  {entry.metadata['help']}")
    lines += ["", "Accepted, and without effect here:", ""]
    lines += [f"      --{_flag(name)}" for name in sorted(IDLE)]
    return "\n".join([*lines, ""])


def _given(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Cut a command line into flags and their texts, as Go's pflag does."""
    found: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        short = word.startswith("-v") and word[2:3] in ("", "=")
        if not short and (not word.startswith("--") or word == "--"):
            quoted = " ".join(f'"{one}"' for one in (word, *rest))
            raise ConfigError(f'"kube-apiserver" does not take any arguments, got [{quoted}]')
        flag, equals, text = word.lstrip("-").partition("=")
        name = flag.replace("-", "_")
        form = _form(name)
        if form is None:
            raise ConfigError(f"unknown flag: --{flag}")
        if not equals and form is Form.SWITCH:
            text = "true"
        elif not equals:
            if not rest:
                raise ConfigError(f"flag needs an argument: --{flag}")
            text = rest.pop(0)
        found.setdefault(name, []).append(text)
    return found


def _form(name: str) -> Form | None:
    entry = FIELDS.get(name) or _OWN.get(name)
    return entry.metadata["form"] if entry is not None else IDLE.get(name)


def _value(name: str, texts: list[str]) -> Any:
    """Return the value of a flag; of one that is given twice the last counts, lists add up."""
    form, text = _form(name), texts[-1]
    try:
        if form is Form.LIST:
            return tuple(part.strip() for part in ",".join(texts).split(",") if part.strip())
        if form is Form.SWITCH:
            return _switch(text)
        if form is Form.NUMBER:
            return _number(text)
        if form is Form.DECIMAL:
            return float(text)
        if form is Form.DURATION:
            return parse_duration(text)
        if form is Form.FILE and text not in ("", "-"):
            return str(Path(text).absolute())
        return parsed(name, text) if name in FIELDS else text
    except ValueError as error:
        raise ConfigError(
            f'invalid argument "{text}" for "--{_flag(name)}" flag: {error}'
        ) from error


def _switch(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text.lower() in _TRUE


def _number(text: str) -> int:
    if not text.removeprefix("-").isdecimal():
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _check(server: ServerFlags) -> None:
    if not server.etcd_servers:
        raise ConfigError("--etcd-servers must be specified")
    if not server.allow_privileged:
        raise ConfigError("--allow-privileged=false is not supported: drop it")
    if bool(server.tls_cert_file) != bool(server.tls_private_key_file):
        raise ConfigError("--tls-cert-file and --tls-private-key-file are given together")


def _flag(name: str) -> str:
    return name.replace("_", "-")
