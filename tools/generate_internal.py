"""Write the table of upstream's internal types that `pinnace.api.schema.internal` loads.

    python tools/generate_internal.py SOURCES

SOURCES is upstream's `pkg/apis`. Error texts print whole objects as the server's own types have
them: names of struct fields in their order, unset pointers as null. The table says, for each
struct, the names of its fields and what an unset one prints.
"""

import gzip
import json
import re
import sys
from pathlib import Path

OUT = Path(__file__).parent.parent / "src/pinnace/api/schema/internal.json.gz"
GROUPS = (
    "admissionregistration", "apps", "autoscaling", "batch", "certificates", "coordination", "core",
    "discovery", "flowcontrol", "networking", "node", "policy", "rbac", "resource", "scheduling",
    "storage", "storagemigration",
)  # fmt: skip
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
ALIAS = re.compile(r"^type (\w+) (string|int32|int64|uint16|map\[.*|\[\]\w+)$", re.MULTILINE)
FIELD = re.compile(r"^\t(\w+)\s+([^\s`/]+)")
EMBEDDED = re.compile(r"^\t([\w.]+)\s*(?:`.*)?$")
SCALARS = {
    "string": "s", "bool": "b", "int32": "i", "int64": "i", "int": "i", "uint16": "i",
    "[]byte": "y", "types.UID": "s", "types.NodeName": "s", "resource.Quantity": "q",
    "intstr.IntOrString": "i", "metav1.Time": "t", "metav1.MicroTime": "t", "metav1.Duration": "d",
    "metav1.ConditionStatus": "s", "metav1.LabelSelectorOperator": "s",
}  # fmt: skip
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def main(sources: Path) -> None:
    """Read the types of every group and write the table."""
    texts = {group: COMMENT.sub("", (sources / group / "types.go").read_text()) for group in GROUPS}
    aliases = {
        f"{group}.{name}": f"{group}:{target}"
        for group, text in texts.items()
        for name, target in ALIAS.findall(text)
    }
    table = {
        f"{group}.{name}": fields(group, body, aliases)
        for group, text in texts.items()
        for name, body in STRUCT.findall(text)
    }
    packed = json.dumps(table, separators=(",", ":"), sort_keys=True).encode()
    OUT.write_bytes(gzip.compress(packed, mtime=0))
    print(f"{len(table)} structs, {OUT.stat().st_size} bytes")


def fields(group: str, body: str, aliases: dict[str, str]) -> list[list[str]]:
    """Return the fields of a struct: name (empty when embedded) and what it holds."""
    found = []
    for raw in body.splitlines():
        line = raw.split("//")[0].rstrip()
        embedded = EMBEDDED.match(line)
        if embedded:
            name = embedded[1]
            if name not in ("metav1.TypeMeta", "metav1.ListMeta"):
                found.append(["", coded(group, name, aliases)])
            continue
        field = FIELD.match(line)
        if field:
            found.append([field[1], coded(group, field[2], aliases)])
    return found


def coded(group: str, kind: str, aliases: dict[str, str]) -> str:
    """Return a type as the table has it: sigils for pointers, lists, maps; then what is inside."""
    kind = kind.replace("api.", "core.") if kind.startswith(("api.", "*api.", "[]api.")) else kind
    if kind in SCALARS:
        return SCALARS[kind]
    if kind.startswith("*"):
        return "*" + coded(group, kind[1:], aliases)
    if kind.startswith("[]"):
        return "[" + coded(group, kind[2:], aliases)
    if kind.startswith("map["):
        return "{" + coded(group, kind[kind.index("]") + 1 :], aliases)
    if kind == "metav1.ObjectMeta":
        return "M"
    if kind.startswith(("metav1.", "runtime.")):
        return "m"
    name = kind if "." in kind else f"{group}.{kind}"
    if name in aliases:
        home, target = aliases[name].split(":", 1)
        return coded(home, target, aliases)
    return name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
