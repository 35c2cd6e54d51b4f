import orjson
from pinnace.api.objects import Object
_META=("name","generateName","namespace","selfLink","uid")
def canonical_bytes(obj: Object) -> bytes:
    """Canonical."""
    m=obj["metadata"]
    meta={k:m[k] for k in _META if k in m}
    meta.update((k,v) for k,v in m.items() if k not in meta)
    out={"kind":obj["kind"],"apiVersion":obj["apiVersion"],"metadata":meta}
    out.update((k,v) for k,v in obj.items() if k not in out)
    return orjson.dumps(out)
