"""Make the CRI's wire facts from its proto: `python tools/cri_descriptors.py api.proto`.

Wants grpcio-tools, for development only. What the client does not use (streams of lists, metrics,
checkpoints, Windows) is left out together with comments and options, so the result is a list of
names, numbers and types and nothing else.
"""

import argparse
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

OUT = Path(__file__).parent.parent / "src/pinnace/node/cri/facts.binpb"
RUNTIME = """
    Version Status UpdateRuntimeConfig GetContainerEvents
    RunPodSandbox StopPodSandbox RemovePodSandbox PodSandboxStatus ListPodSandbox
    CreateContainer StartContainer StopContainer RemoveContainer ContainerStatus ListContainers
    UpdateContainerResources ReopenContainerLog ListContainerStats
    ExecSync Exec Attach PortForward
"""
IMAGES = "ListImages ImageStatus PullImage RemoveImage ImageFsInfo"
METHODS = {"RuntimeService": set(RUNTIME.split()), "ImageService": set(IMAGES.split())}


def compiled(proto: Path) -> descriptor_pb2.FileDescriptorProto:
    """Return the proto as protoc reads it."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "set"
        arguments = ["protoc", f"-I{proto.parent}", f"--descriptor_set_out={out}", str(proto)]
        if protoc.main(arguments) != 0:
            raise SystemExit(f"protoc cannot read {proto}")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return files.file[0]


def is_foreign(field: descriptor_pb2.FieldDescriptorProto) -> bool:
    """Answer whether a field is about Windows only."""
    return field.type_name.rpartition(".")[2].startswith("Windows")


def reachable(file: descriptor_pb2.FileDescriptorProto) -> set[str]:
    """Return the full names of all messages and enums that the kept methods need."""
    messages = {f".{file.package}.{m.name}": m for m in file.message_type}
    todo = [
        name
        for service in file.service
        for method in service.method
        if method.name in METHODS[service.name]
        for name in (method.input_type, method.output_type)
    ]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        message = messages.get(name)
        if message is None:
            continue
        fields = [*message.field, *(f for n in message.nested_type for f in n.field)]
        todo += [f.type_name for f in fields if f.type_name and not is_foreign(f)]
    return seen


def pruned(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """Return the file with only what is used, and without options and JSON names."""
    keep = reachable(file)
    out = descriptor_pb2.FileDescriptorProto(
        name="cri.proto", package=file.package, syntax=file.syntax
    )
    for message in file.message_type:
        if f".{file.package}.{message.name}" not in keep:
            continue
        kept = out.message_type.add()
        kept.CopyFrom(message)
        kept.ClearField("reserved_range")
        del kept.field[:]
        kept.field.extend(f for f in message.field if not is_foreign(f))
        for field in [*kept.field, *(f for n in kept.nested_type for f in n.field)]:
            field.ClearField("json_name")
            field.ClearField("options")
    out.enum_type.extend(e for e in file.enum_type if f".{file.package}.{e.name}" in keep)
    for service in file.service:
        kept_service = out.service.add(name=service.name)
        for method in service.method:
            if method.name in METHODS[service.name]:
                kept_service.method.add().CopyFrom(method)
                kept_service.method[-1].ClearField("options")
    return out


def main() -> None:
    """Write the facts beside the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proto", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    file = pruned(compiled(given.proto))
    data = descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString(deterministic=True)
    given.out.write_bytes(data)
    print(f"{given.out}: {len(data)} bytes, {len(file.message_type)} messages")


if __name__ == "__main__":
    main()
