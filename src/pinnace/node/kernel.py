"""What the running kernel can do, found out without loading or making anything.

Built-in features show in /sys/module only when they have parameters, so three sources are asked:
what is loaded, what could be loaded, and the configuration the kernel was built with.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A feature's module, and the option that builds it.
FEATURES: Mapping[str, str] = {
    "overlay": "CONFIG_OVERLAY_FS",
    "bridge": "CONFIG_BRIDGE",
    "veth": "CONFIG_VETH",
    "br_netfilter": "CONFIG_BRIDGE_NETFILTER",
    "nf_conntrack": "CONFIG_NF_CONNTRACK",
    "nf_tables": "CONFIG_NF_TABLES",
    "nft_masq": "CONFIG_NFT_MASQ",
    "nft_nat": "CONFIG_NFT_NAT",
}


@dataclass(frozen=True, slots=True)
class KernelSources:
    """Texts that tell of features; empty where the host does not have them."""

    loaded: frozenset[str]
    modules: str = ""
    config: str = ""


def has_feature(name: str, sources: KernelSources) -> bool | None:
    """Answer whether the kernel has a feature; None when nothing on the host tells."""
    if name in sources.loaded:
        return True
    if re.search(rf"/{re.escape(name)}\.ko", sources.modules):
        return True
    if sources.config:
        return bool(re.search(rf"^{FEATURES[name]}=[ym]$", sources.config, re.MULTILINE))
    return False if sources.modules else None


def read_sources(root: Path = Path("/")) -> KernelSources:
    """Read what this host tells of its kernel."""
    release = _text(root / "proc/sys/kernel/osrelease").strip()
    modules = root / "lib/modules" / release
    return KernelSources(
        loaded=frozenset(path.name for path in (root / "sys/module").glob("*")),
        modules=_text(modules / "modules.builtin") + _text(modules / "modules.dep"),
        config=_packed(root / "proc/config.gz") or _text(root / f"boot/config-{release}"),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _packed(path: Path) -> str:
    try:
        return gzip.decompress(path.read_bytes()).decode(errors="replace")
    except (OSError, EOFError):
        return ""
