"""DNS messages: questions out of bytes, answers into bytes. The only door to dnslib."""

from dataclasses import dataclass

import dnslib

from pinnace.dns.records import TTL, Answer, Record

_SOA_TIMES = (7200, 1800, 86400, TTL)


class Malformed(Exception):
    """Bytes that are no question."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question: name in lower case without the last dot, type in upper case."""

    message: dnslib.DNSRecord
    name: str
    type: str
    size: int


def parse(data: bytes) -> Question:
    """Read a query; raises Malformed."""
    try:
        message = dnslib.DNSRecord.parse(data)
    except (dnslib.DNSError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
    if message.header.qr or len(message.questions) != 1:
        raise Malformed("not a query with one question")
    question = message.questions[0]
    size = 512
    for extra in message.ar:
        if extra.rtype == dnslib.QTYPE.OPT:
            size = max(512, min(int(extra.rclass), 4096))
    name = str(question.qname).rstrip(".").lower()
    return Question(message, name, str(dnslib.QTYPE.get(question.qtype)), size)


def reply(question: Question, answer: Answer, *, domain: str) -> dnslib.DNSRecord:
    """Make the message that gives an answer with authority."""
    message = question.message.reply(ra=1, aa=1)
    for record in answer.records:
        message.add_answer(_resource(record))
    for record in answer.additional:
        message.add_ar(_resource(record))
    if not answer.exists:
        message.header.rcode = dnslib.RCODE.NXDOMAIN
    if not answer.records:
        # Negative answers are cached for as long as the SOA says.
        soa = dnslib.SOA(f"ns.dns.{domain}", f"hostmaster.{domain}", (1, *_SOA_TIMES))
        message.add_auth(dnslib.RR(domain, dnslib.QTYPE.SOA, rdata=soa, ttl=TTL))
    return message


def ask(name: str, like: Question) -> bytes:
    """Make a query for a name, of the type and with the identity of another query."""
    message = dnslib.DNSRecord.question(name, like.type)
    message.header.id = like.message.header.id
    return bytes(message.pack())


def add_answers(message: dnslib.DNSRecord, told: bytes) -> None:
    """Add what another resolver's answer has; one that cannot be read adds nothing."""
    try:
        records = dnslib.DNSRecord.parse(told).rr
    except (dnslib.DNSError, ValueError, IndexError, UnicodeDecodeError):
        return
    message.add_answer(*records)


def _resource(record: Record) -> dnslib.RR:
    kind = getattr(dnslib.QTYPE, record.type)
    if record.type == "SRV":
        priority, weight, port, target = record.data.split()
        data = dnslib.SRV(int(priority), int(weight), int(port), target)
    else:
        data = getattr(dnslib, record.type)(record.data)
    return dnslib.RR(record.name, kind, rdata=data, ttl=TTL)


def refuse(question: Question, code: str) -> bytes:
    """Make an answer that only says why there is none: SERVFAIL, REFUSED, NOTIMP."""
    message = question.message.reply(ra=1, aa=0)
    message.header.rcode = getattr(dnslib.RCODE, code)
    return bytes(message.pack())


def pack(message: dnslib.DNSRecord, *, limit: int) -> bytes:
    """Encode; what does not fit is cut off and said to be (0 means no limit)."""
    data = bytes(message.pack())
    if limit and len(data) > limit:
        short = message.truncate()
        short.header.tc = 1
        return bytes(short.pack())
    return data
