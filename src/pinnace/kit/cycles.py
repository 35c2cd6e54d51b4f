"""How often Python looks for cycles of garbage.

Few things here form cycles, and looking for them costs more the more objects are held: with the
interpreter's own settings it is a third of all that a cluster of thousands of Pods does.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Containers made since the last look, looks at the young between those at the middle-aged, and
# looks at these between those at all.
_SELDOM = (20_000, 20, 50)


def look_seldom() -> None:
    """Look for cycles seldom from now on, in a process that is ours alone."""
    gc.set_threshold(*_SELDOM)


def freeze() -> None:
    """Never again look at what is there now; good when all has been imported."""
    gc.collect()
    gc.freeze()


@contextmanager
def seldom() -> Iterator[None]:
    """Look for cycles seldom for a while, unless the process does so already."""
    before = gc.get_threshold()
    if 0 < before[0] < _SELDOM[0]:
        gc.set_threshold(*_SELDOM)
        try:
            yield
        finally:
            gc.set_threshold(*before)
    else:
        yield
