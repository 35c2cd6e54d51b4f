"""What strangers write is taken or refused: inputs that were kept, and random ones."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnace.testing.doors import DOORS, REQUESTS, Door, RequestDoor

CORPUS = Path(__file__).parent / "corpus"
PURE = [name for name in DOORS if name != "requests"]


def kept(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())


@pytest.fixture(scope="module")
def server() -> Iterator[Door]:
    door = RequestDoor()
    yield door
    door.close()


@pytest.mark.parametrize("name", DOORS)
def test_every_door_has_inputs_that_were_kept(name: str) -> None:
    assert kept(name)


@pytest.mark.parametrize("name", PURE)
def test_what_was_kept_is_taken_or_refused(name: str) -> None:
    door = DOORS[name]()
    for path in kept(name):
        door(path.read_bytes())


@pytest.mark.parametrize("name", PURE)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode()))
def test_anything_is_taken_or_refused(name: str, data: bytes) -> None:
    DOORS[name]()(data)


def test_requests_that_were_kept_are_answered(server: Door) -> None:
    for path in kept("requests"):
        server(path.read_bytes())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "name", "spec", "containers", "labels", "a", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(which=st.integers(0, len(REQUESTS) - 1), value=VALUES)
def test_any_json_is_answered(server: Door, which: int, value: object) -> None:
    server(bytes([which]) + json.dumps(value).encode())
