"""TLS contexts from certificates that are in memory."""

import asyncio
import ssl
import tempfile

from pinnace.kit.x509 import KeyPair, X509Error, certificates, is_issued_by, may_issue


def load_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Let a context show a certificate; it may be followed by those that vouch for it."""
    # OpenSSL reads certificate chains from files only.
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.certificate + b"\n" + pair.key)
        file.flush()
        context.load_cert_chain(file.name)


def client_context(
    authorities: str = "", *, insecure: bool = False, pair: KeyPair | None = None
) -> ssl.SSLContext:
    """Return how to meet a server, as Go's clients do: names count where the certificate has them
    as alternatives, and nothing of it is asked that its authority did not promise.

    Without authorities the system's are trusted. Raises SSLError and ValueError for bad ones.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities:
        context.load_verify_locations(cadata=authorities)
    else:
        context.load_default_certs()
    if not insecure:
        context.hostname_checks_common_name = False
        # Whatever stands in the bundle is trusted, self-signed or not.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if pair is not None:
        load_pair(context, pair)
    return context


async def admit_nameless(
    context: ssl.SSLContext, authorities: str, address: tuple[str, int], *, server_name: str
) -> bool:
    """Let a context trust the peer at an address, if one of the authorities has signed it.

    For certificates that name themselves as their issuer, and are another's: made without any name
    (by node-forge, say), an authority and what it signs have the same one. OpenSSL takes these for
    self-signed and asks no further; Go looks who has signed. Everything else, such as the peer's
    names and dates, the context goes on checking. Say whether it was admitted; raises OSError.
    """
    unchecked = client_context(insecure=True)
    _, writer = await asyncio.open_connection(*address, ssl=unchecked, server_hostname=server_name)
    try:
        shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    try:
        trusted = certificates(authorities.encode())
        if not any(may_issue(one) and is_issued_by(shown, one) for one in trusted):
            return False
        context.load_verify_locations(cadata=shown)
    except (X509Error, ssl.SSLError):
        return False
    return True
