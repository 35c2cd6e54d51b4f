"""TLS contexts from certificates that are in memory."""

import ssl
import tempfile

from pinnace.kit.x509 import KeyPair


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
