import pytest

from pinnace.api.errors import BadRequest
from pinnace.api.selectors import (
    EVERYTHING,
    NOTHING,
    label_selector_from_object,
    parse_field_selector,
    parse_label_selector,
)

UNABLE = "unable to parse requirement: "
LABELS = {"app": "web", "tier": "front", "n": "5"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True), ("app=web", True), ("app==web", True), ("app!=web", False), ("app", True),
        ("!app", False), ("!gone", True), ("gone!=x", True), ("app in (web, api)", True),
        ("app notin (web)", False), ("gone notin (web)", True), ("n>4", True), ("n<5", False),
        ("app>4", False), ("app=web,tier=front", True), ("app=web , tier=back", False),
        ("app in ()", False), ("app=", False), ("in=x", False), ("app in (in,web)", True),
        ("app in (,web)", True),
    ],
)  # fmt: skip
def test_label_selectors_select(text: str, expected: bool) -> None:
    assert parse_label_selector(text).matches(LABELS) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app=web,", "found '', expected: identifier after ','"),
        ("app web", UNABLE + "found 'web', expected: in, notin, =, ==, !=, gt, lt"),
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app in (a", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("n>x", UNABLE + "values[0]: Invalid value: \"x\": "
         "for 'Gt', 'Lt' operators, the value must be an integer"),
        ("app=a b", "found 'b', expected: ',' or 'end of string'"),
        ("app gt 4", UNABLE + "found 'gt', expected: in, notin, =, ==, !=, gt, lt"),
    ],
)  # fmt: skip
def test_label_selector_errors_are_upstreams(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_label_selector(text)
    assert caught.value.message == said


def test_a_bad_key_and_a_bad_value_are_told_with_their_paths() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_label_selector("-a=b")
    assert caught.value.message.startswith(
        'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of'
    )
    with pytest.raises(BadRequest) as caught:
        parse_label_selector("a=-b")
    assert caught.value.message.startswith(
        'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be'
    )


def test_the_text_is_sorted_by_key() -> None:
    text = str(parse_label_selector("z in (b,a),a!=1,!k,m"))
    assert text == "a!=1,!k,m,z in (a,b)"


def test_a_missing_object_selects_nothing_and_an_empty_one_everything() -> None:
    assert label_selector_from_object(None) == NOTHING
    assert label_selector_from_object({}) == EVERYTHING
    assert not NOTHING.matches({})


def test_an_object_joins_labels_and_expressions() -> None:
    selector = label_selector_from_object(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["back"]}],
        }
    )
    assert selector.matches(LABELS)
    assert not selector.matches({"app": "web", "tier": "back"})


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ({"key": "a", "operator": "Is"}, '"Is" is not a valid label selector operator'),
        (
            {"key": "a", "operator": "In"},
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            {"key": "a", "operator": "Exists", "values": ["b"]},
            'values: Invalid value: ["b"]: values set must be empty for exists and does not exist',
        ),
    ],
)
def test_object_errors_are_upstreams(expression: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        label_selector_from_object({"matchExpressions": [expression]})
    assert caught.value.message == said


def test_field_selectors_select_and_escape() -> None:
    selector = parse_field_selector(r"metadata.name=a\,b,status.phase!=Failed,spec.x==")
    assert selector.matches({"metadata.name": "a,b", "status.phase": "Running"})
    assert not selector.matches({"metadata.name": "a,b", "status.phase": "Failed"})
    assert selector.exact("metadata.name") == "a,b"
    assert str(selector) == r"metadata.name=a\,b,spec.x=,status.phase!=Failed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        (r"a=\b", r"invalid field selector: invalid escape sequence: \b"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_field_selector_errors_are_upstreams(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_field_selector(text)
    assert caught.value.message == said


LONG_SELECTORS = [
    ",".join(f"!k{i}" for i in range(40)),
    ",".join(f"k!=v{i}" for i in range(40)),
    ",".join(f"k{i} notin (v{i})" for i in range(40)),
    ",".join(f"k{i}=v{i}" for i in range(40)),
    f"k in ({','.join(f'v{i}' for i in range(40))})",
    f"k in ({','.join(f'v{i}' for i in range(40))}),k!=v3",
    "k=v1," * 20 + "k=v2",
    ",".join(f"k>{i}" for i in range(40)) + ",k<60,k<50",
    ",".join(f"k{i}" for i in range(20)),
    "k," * 20 + "!k",
]
SOME_LABELS: list[dict[str, str]] = [
    {},
    {"k": "v1"},
    {"k": "v3"},
    {"k": "v99"},
    {"k": "45"},
    {"k": "55"},
    {"k": "20"},
    {"k3": "v3"},
    {"other": "x"},
    {f"k{i}": f"v{i}" for i in range(40)},
]


@pytest.mark.parametrize("text", LONG_SELECTORS)
@pytest.mark.parametrize("labels", SOME_LABELS)
def test_a_long_selector_selects_what_its_requirements_do(
    text: str, labels: dict[str, str]
) -> None:
    selector = parse_label_selector(text)
    assert selector.test()(labels) == selector.matches(labels)


def test_a_long_selector_looks_at_each_label_once() -> None:
    class Counted(dict[str, str]):
        looks = 0

        def __getitem__(self, key: str) -> str:
            Counted.looks += 1
            return super().__getitem__(key)

        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            Counted.looks += 1
            return super().get(key, default)

    matches = parse_label_selector(",".join(f"!k{i}" for i in range(10_000))).test()
    assert matches(Counted(a="1", b="2"))
    assert Counted.looks <= 2


@pytest.mark.parametrize("name", ["x", "v3", ""])
def test_a_long_field_selector_selects_what_its_terms_do(name: str) -> None:
    for text in (
        ",".join(f"metadata.name!=v{i}" for i in range(40)),
        ",".join(["metadata.name=v3"] * 40),
        ",".join(f"metadata.name=v{i}" for i in range(40)),
    ):
        selector = parse_field_selector(text)
        fields = {"metadata.name": name} if name else {}
        assert selector.test()(fields) == selector.matches(fields)


def test_escaped_commas_and_backslashes_are_read_as_they_are_written() -> None:
    selector = parse_field_selector(r"a=x\,y,b=\\,c=\=\\\,")
    assert selector.terms == (("a", "=", "x,y"), ("b", "=", "\\"), ("c", "=", "=\\,"))
