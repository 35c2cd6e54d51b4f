import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dns.test_records import DB, OUT, WEB, World

from pinnace.dns.forward import Forwarder, nameservers
from pinnace.dns.server import Resolver
from pinnace.dns.wire import Question


def resolver() -> Resolver:
    return Resolver(
        World(WEB, DB, OUT), Forwarder([]), domain="cluster.local", allowed=["10.244.0.0/16"]
    )


def query(name: str, kind: str = "A") -> bytes:
    return bytes(dnslib.DNSRecord.question(name, kind).pack())


def test_answers_carry_the_question_identity_and_authority() -> None:
    asked = query("web.default.svc.cluster.local")
    told = resolver().answer_now(asked, limit=512)
    assert isinstance(told, bytes)
    message = dnslib.DNSRecord.parse(told)
    assert told[:2] == asked[:2]
    assert message.header.aa == 1
    assert [str(record.rdata) for record in message.rr] == ["10.96.0.7"]


def test_unknown_names_are_nxdomain_with_a_soa() -> None:
    told = resolver().answer_now(query("nope.default.svc.cluster.local"), limit=512)
    assert isinstance(told, bytes)
    message = dnslib.DNSRecord.parse(told)
    assert message.header.rcode == dnslib.RCODE.NXDOMAIN
    assert [record.rtype for record in message.auth] == [dnslib.QTYPE.SOA]


def test_a_repeated_question_is_answered_alike_until_something_changes() -> None:
    world = World(WEB)
    made = Resolver(world, Forwarder([]), domain="cluster.local", allowed=[])
    first = made.answer_now(query("web.default.svc.cluster.local"), limit=512)
    again = made.answer_now(query("web.default.svc.cluster.local"), limit=512)
    assert isinstance(first, bytes)
    assert isinstance(again, bytes)
    assert first[2:] == again[2:]
    del world.services["default", "web"]
    made.changed()
    gone = made.answer_now(query("web.default.svc.cluster.local"), limit=512)
    assert isinstance(gone, bytes)
    assert dnslib.DNSRecord.parse(gone).header.rcode == dnslib.RCODE.NXDOMAIN


def test_other_names_are_handed_to_the_forwarder() -> None:
    assert isinstance(resolver().answer_now(query("example.org"), limit=512), Question)


async def test_without_a_resolver_other_names_fail_plainly() -> None:
    made = resolver()
    asked = query("example.org")
    question = made.answer_now(asked, limit=512)
    assert isinstance(question, Question)
    told = dnslib.DNSRecord.parse(await made.forward(asked, question, tcp=False))
    assert told.header.rcode == dnslib.RCODE.SERVFAIL


@given(st.binary(max_size=80))
def test_bytes_that_are_no_question_get_no_answer_and_no_error(data: bytes) -> None:
    resolver().answer_now(data, limit=512)


def test_strangers_may_not_ask() -> None:
    assert resolver().is_allowed("10.244.3.4")
    assert not resolver().is_allowed("203.0.113.9")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("nameserver 9.9.9.9\nnameserver ::1\n", ["9.9.9.9", "::1"], id="two"),
        pytest.param("nameserver 10.96.0.10\n", [], id="own"),
        pytest.param("", [], id="none"),
    ],
)
def test_resolvers_are_those_of_the_machine(text: str, found: list[str]) -> None:
    assert nameservers(text, own=frozenset(("10.96.0.10",))) == found
