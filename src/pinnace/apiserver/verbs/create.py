"""POST to a collection."""

from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, writes
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core


async def create(core: Core, call: Call) -> Answer:
    """Store a new object and answer with it."""
    obj = bodies.read_object(call)
    item = await writes.create(core, call, obj)
    return answer_item(call, item, code=201)
