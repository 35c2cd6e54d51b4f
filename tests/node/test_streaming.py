"""What clients of exec and attach send."""

import pytest

from pinnace.node.streaming import decode


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        pytest.param(b"\x00ls\n", False, id="binary"),
        pytest.param("\x00ls\n", False, id="text-of-the-python-client"),
        pytest.param("0bHMK", True, id="base64"),
        pytest.param(b"0bHMK", True, id="base64-in-binary"),
    ],
)
def test_a_message_is_read_by_the_protocol_whatever_its_frame(
    data: bytes | str, encoded: bool
) -> None:
    assert decode(data, encoded=encoded) == (0, b"ls\n")
