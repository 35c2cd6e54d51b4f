"""Names of signers and of the trust bundles that they publish."""

from pinnace.api import names
from pinnace.api.validation.base import Report, quoted, too_long

DOMAIN_LIMIT, SIGNER_LIMIT = 253, 253 + 253 + 63 + 2


def check_signer_name(report: Report, signer: str, path: str) -> None:
    """Check a name of the form domain/name that must be there."""
    if not signer:
        report.required(path)
        return
    domain, slash, name = signer.partition("/")
    if not slash or "/" in name:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        report.invalid(path, signer, detail)
        return
    if len(domain) > DOMAIN_LIMIT:
        report.add(too_long(path, DOMAIN_LIMIT))
    _check_labels(report, domain, path, subdomain=False)
    if "." not in domain:
        detail = "should be a domain with at least two segments separated by dots"
        report.invalid(path, domain, detail)
    _check_labels(report, name, path, subdomain=True)
    if len(signer) > SIGNER_LIMIT:
        report.add(too_long(path, SIGNER_LIMIT))


def _check_labels(report: Report, text: str, path: str, *, subdomain: bool) -> None:
    rule = names.dns1123_subdomain if subdomain else names.dns1123_label
    for label in text.split("."):
        said = rule(label)
        if said:
            report.said(path, text, [f"validating label {quoted(label)}: {why}" for why in said])
            break


def is_kubernetes_signer(signer: str) -> bool:
    """Tell whether a signer belongs to Kubernetes itself."""
    host = signer.partition("/")[0]
    return host == "kubernetes.io" or host.endswith(".kubernetes.io")


def bundle_name(name: str, signer: str) -> list[str]:
    """Return what is wrong with the name of a trust bundle of that signer, or of none."""
    if not signer:
        if ":" in name:
            return ['ClusterTrustBundle without signer name must not have ":" in its name']
        return names.dns1123_subdomain(name)
    prefix = signer.replace("/", ":") + ":"
    if not name.startswith(prefix):
        return [f"ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"]
    return names.dns1123_subdomain(name.removeprefix(prefix))


def trust_bundle_name(name: str) -> list[str]:
    """Return what is wrong with the name of a trust bundle, with or without a signer in it."""
    return bundle_name(name, name.rpartition(":")[0].replace(":", "/"))
