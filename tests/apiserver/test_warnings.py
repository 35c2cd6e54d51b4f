from pinnace.apiserver.warnings import warning_headers


def test_warnings_are_quoted_and_said_once() -> None:
    assert warning_headers(['unknown field "a"', "b\\c", "b\\c"]) == [
        '299 - "unknown field \\"a\\""',
        '299 - "b\\\\c"',
    ]


def test_what_no_header_can_carry_is_left_out() -> None:
    assert warning_headers(['unknown field "\x11"', "x\ny", "\ud800", ""]) == []
    assert warning_headers(["überflüssig"]) == ['299 - "überflüssig"']


def test_many_warnings_are_cut() -> None:
    assert "x" * 4000 in warning_headers(["x" * 4000])[0]
    found = warning_headers([f"{number}" + "x" * 1000 for number in range(30)])
    assert len(found) == 16
    assert all(len(text) == 256 + len('299 - ""') for text in found)
