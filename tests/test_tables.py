"""Every plug-in is listed in its folder's table, and every file stays small."""

import ast
from pathlib import Path

import pytest

import pinnace
from pinnace.api.kinds.table import RESOURCES

ROOT = Path(pinnace.__file__).parent
FOLDERS = [
    "apiserver/admission",
    "apiserver/printers",
    "cli/commands",
    "cluster/components",
    "controllers",
    "node/probes",
    "node/volumes",
    "scheduler/plugins",
]
# Pieces that several plug-ins of a folder share, and no plug-ins themselves.
SHARED = {
    "apiserver/admission": {
        "counts",
        "defaults",
        "node_certificates",
        "node_labels",
        "options",
        "settings",
        "pod_security_checks",
        "signers",
    },
    "apiserver/printers": {"rows"},
    "cli/commands": {"alone", "apiserver_options", "store_options"},
    "controllers": {"runtime"},
    "node/probes": {"prober", "thresholds"},
    "node/volumes": {
        "atomic",
        "mounting",
        "ownership",
        "payload",
        "sources",
        "subpath",
        "written",
    },
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_table_lists_every_file(folder: str) -> None:
    here = ROOT / folder
    files = {path.stem for path in here.glob("*.py")} - {"__init__", "base", "table"}
    tree = ast.parse((here / "table.py").read_text())
    names = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for part in [node.module.rpartition(".")[2], *(alias.name for alias in node.names)]
    }
    # Tables of what is imported when it is called name modules in strings.
    text = (here / "table.py").read_text()
    listed = {name for name in files if name in names or f'.{name}"' in text}
    assert files - listed - SHARED.get(folder, set()) == set()


def test_files_stay_small() -> None:
    large = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 500
    }
    assert large == {}


def test_resources_are_unique() -> None:
    names = [(row.group, row.version, row.plural) for row in RESOURCES]
    assert len(names) == len(set(names))


def test_resources_of_one_prefix_agree_on_how_they_are_stored() -> None:
    stored: dict[str, set[tuple[str, bool]]] = {}
    for row in RESOURCES:
        if row.prefix:
            stored.setdefault(row.prefix, set()).add((row.storage, row.namespaced))
    assert {prefix: ways for prefix, ways in stored.items() if len(ways) > 1} == {}
