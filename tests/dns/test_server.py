import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dns.test_records import DB, OUT, WEB, World

from pinnace.api.objects import Object
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


class Elsewhere(Forwarder):
    """Knows one address of every name."""

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        message = dnslib.DNSRecord.parse(query)
        answer = message.reply()
        answer.add_answer(dnslib.RR(message.q.qname, rdata=dnslib.A("192.0.2.7")))
        return bytes(answer.pack())


def alias_of(name: str, target: str) -> Object:
    spec = {"type": "ExternalName", "externalName": target}
    return {"metadata": {"namespace": "default", "name": name}, "spec": spec}


def test_an_alias_within_the_cluster_comes_with_the_address_it_stands_for() -> None:
    near = alias_of("near", "web.default.svc.cluster.local")
    made = Resolver(World(WEB, near), Forwarder([]), domain="cluster.local", allowed=[])
    told = made.answer_now(query("near.default.svc.cluster.local"), limit=512)
    assert isinstance(told, bytes)
    records = [str(record.rdata) for record in dnslib.DNSRecord.parse(told).rr]
    assert records == ["web.default.svc.cluster.local.", "10.96.0.7"]


def test_an_alias_of_itself_ends() -> None:
    loop = alias_of("loop", "loop.default.svc.cluster.local")
    made = Resolver(World(loop), Forwarder([]), domain="cluster.local", allowed=[])
    assert made.answer_now(query("loop.default.svc.cluster.local"), limit=512)


async def test_an_alias_for_elsewhere_comes_with_what_the_forwarder_says() -> None:
    made = Resolver(World(OUT), Elsewhere([]), domain="cluster.local", allowed=[])
    asked = query("out.default.svc.cluster.local")
    question = made.answer_now(asked, limit=512)
    assert isinstance(question, Question)
    told = dnslib.DNSRecord.parse(await made.forward(asked, question, tcp=False))
    assert told.header.id == dnslib.DNSRecord.parse(asked).header.id
    assert [str(record.rdata) for record in told.rr] == ["example.org.", "192.0.2.7"]


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
