"""Label and field selectors of list, watch and deletecollection, as one test on an item."""

from dataclasses import dataclass
from functools import partial

from pinnace.api.selectors import (
    FieldSelector,
    LabelSelector,
    parse_field_selector,
    parse_label_selector,
)
from pinnace.apiserver import rules
from pinnace.apiserver.core import Call, Core
from pinnace.store.watchcache.changes import Select
from pinnace.store.watchcache.item import Item, PickFields


@dataclass(frozen=True, slots=True)
class Selection:
    """What a client selects."""

    labels: LabelSelector
    fields: FieldSelector
    pick: PickFields

    def test(self) -> Select | None:
        """Return a test on items, or None if all pass."""
        labels, fields, pick = self.labels, self.fields, self.pick
        if fields.empty():
            if labels.empty():
                return None
            if len(labels.requirements) == 1:
                key = labels.requirements[0].key
                value = labels.exact(key)
                if value is not None:
                    return lambda item: item.labels.get(key) == value
            matches = labels.test()
            return lambda item: matches(item.labels)
        name = fields.exact("metadata.name")
        if name is not None and labels.empty() and len(fields.terms) == 1:
            return lambda item: item.name == name

        matches, fit = labels.test(), fields.test()

        def both(item: Item) -> bool:
            return matches(item.labels) and fit(item.fields(pick))

        return both

    def only(self) -> tuple[str, str] | None:
        """Return a field and the one value of it that passes, if the selection has such a one."""
        for name, operator, value in self.fields.terms:
            if operator == "=":
                return name, value
        return None


async def selected(core: Core, call: Call) -> Selection:
    """Read the selectors of a request, long ones beside the event loop; raises BadRequest."""
    request = call.request
    size = len(request.param("labelSelector")) + len(request.param("fieldSelector"))
    return await core.apart.run(size, partial(selection_of, call))


def selection_of(call: Call) -> Selection:
    """Read the selectors of a request; raises BadRequest for what cannot be selected by."""
    strategy = rules.strategy_for(call.row)
    asked = parse_field_selector(call.request.param("fieldSelector"))
    # A version may have names of its own for what is picked from objects.
    fields = FieldSelector(tuple((strategy.field_label(n), op, v) for n, op, v in asked.terms))
    if call.info.name:
        # `watch/<plural>/<name>` was allowed for that name, and shows nothing else.
        named = ("metadata.name", "=", call.info.name)
        fields = FieldSelector((*(term for term in fields.terms if term != named), named))
    labels = parse_label_selector(call.request.param("labelSelector"))
    return Selection(labels, fields, strategy.selectable_fields)
