"""GET of one object: the stored bytes, as they are."""

from pinnace.api.errors import BadRequest
from pinnace.api.wire import Answer
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.revisions import check_not_future
from pinnace.apiserver.writes import current

_EXPORT = "the export parameter, deprecated since v1.14, is no longer supported"


async def get(core: Core, call: Call) -> Answer:
    """Answer with the object; also serves GET of a subresource that shows the whole object."""
    if call.request.query.get("export") and call.flag("export"):
        raise BadRequest(_EXPORT)
    wanted = call.request.param("resourceVersion")
    if wanted:
        check_not_future(core, wanted)
    item = await current(core, call.row, call.namespace, call.info.name)
    return answer_item(core, call, item)
