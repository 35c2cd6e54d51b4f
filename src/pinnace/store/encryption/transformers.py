"""The transformers of a configuration, and which of them a key of the store needs.

Upstream: apiserver `pkg/server/options/encryptionconfig/config.go`.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pinnace.kit.clock import Clock
from pinnace.store.encryption.aes import Cbc, Gcm
from pinnace.store.encryption.base import Identity, Prefixed, Prefixes, Transformer, TransformError
from pinnace.store.encryption.kms import Kms
from pinnace.store.encryption.settings import Encryption, EncryptionError, Provider, Rule

_NONE = "no matching prefix found"
_NO_KEY = "no matching key was found for the provided {} transformer"
_ALL = ("*", "*")
_REGISTRY = "/registry/"
Made = Callable[[bytes], Transformer]


class Transformers:
    """What a configuration makes; `close` ends what watches over its plug-ins."""

    def __init__(self, encryption: Encryption, clock: Clock) -> None:
        self.digest = encryption.digest
        self.kms: list[Kms] = []
        made: dict[tuple[str, str], list[Prefixed]] = {}
        for rule in encryption.rules:
            providers = [self._provider(provider, clock) for provider in rule.providers]
            _put(made, rule, providers)
        self._made: Mapping[tuple[str, str], Transformer] = MappingProxyType(
            {resource: Prefixes(found, _NONE) for resource, found in made.items()}
        )
        self.seconds = sum(
            provider.seconds
            for rule in encryption.rules
            for provider in rule.providers
            if provider.kind == "kms"
        )

    def _provider(self, provider: Provider, clock: Clock) -> Prefixed:
        if provider.kind == "identity":
            return Prefixed(b"", Identity())
        if provider.kind == "kms":
            # Not imported where no plug-in is asked: gRPC takes as much memory as a small cluster.
            service = importlib.import_module("pinnace.store.encryption.kms_service").KmsService
            kms = Kms(provider.name, service(provider.endpoint, provider.seconds), clock)
            self.kms.append(kms)
            return Prefixed(f"k8s:enc:kms:v2:{provider.name}:".encode(), kms)
        made, name = _cipher(provider.kind)
        keys = [Prefixed(f"{key.name}:".encode(), made(key.secret)) for key in provider.keys]
        return Prefixed(
            f"k8s:enc:{provider.kind}:v1:".encode(), Prefixes(keys, _NO_KEY.format(name))
        )

    def of(self, group: str, resource: str) -> Transformer | None:
        """Return the transformer of a resource, None for one that is not named."""
        made = self._made
        return made.get((group, resource)) or made.get((group, "*")) or made.get(_ALL)

    async def start(self) -> None:
        """Ask the plug-ins, and go on asking."""
        for kms in self.kms:
            await kms.start()

    async def close(self) -> None:
        """Ask the plug-ins no more."""
        for kms in self.kms:
            await kms.close()

    async def check(self) -> None:
        """Raise TransformError if a plug-in is not well."""
        errors = []
        for at, kms in enumerate(self.kms):
            try:
                await kms.check()
            except TransformError as error:
                errors.append(f"kms-provider-{at}: {error}")
        if errors:
            raise TransformError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")


def check(encryption: Encryption) -> None:
    """Raise EncryptionError for a configuration of which no transformers can be made."""
    made: dict[tuple[str, str], list[Prefixed]] = {}
    for rule in encryption.rules:
        for provider in rule.providers:
            if provider.keys:
                _cipher(provider.kind)
        _put(made, rule, ())


def _cipher(kind: str) -> tuple[Made, str]:
    if kind == "aesgcm":
        return Gcm, "AES"
    if kind == "aescbc":
        return Cbc, "AES"
    try:
        secretbox: Made = importlib.import_module("pinnace.store.encryption.secretbox").Secretbox
    except ImportError as error:
        raise EncryptionError(
            "error while building transformers: the provider secretbox needs the package PyNaCl, "
            "which is not installed"
        ) from error
    return secretbox, "Secretbox"


def _put(
    made: dict[tuple[str, str], list[Prefixed]], rule: Rule, providers: Sequence[Prefixed]
) -> None:
    """Add a rule; raises EncryptionError if an earlier one would hide it."""
    for group, resource in rule.resources:
        for earlier in ((group, "*"), _ALL):
            if earlier in made:
                raise EncryptionError(
                    f'error while building transformers: resource "{_shown(group, resource)}" is '
                    f'masked by earlier rule "{_shown(*earlier)}"'
                )
        made.setdefault((group, resource), []).extend(providers)


def _shown(group: str, resource: str) -> str:
    if not group:
        return "*." if resource == "*" else resource
    return f"{resource}.{group}"


def resource_of(key: str, built_in: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    """Return group and resource of what lies under a key, None for what is no object.

    `built_in` has them by what the keys of built-in kinds begin with. Custom kinds lie under their
    group and their plural; no built-in group with a dot lies elsewhere.
    """
    if not key.startswith(_REGISTRY):
        return None
    first, _, rest = key[len(_REGISTRY) :].partition("/")
    second = rest.partition("/")[0]
    found = built_in.get(f"{_REGISTRY}{first}") or built_in.get(f"{_REGISTRY}{first}/{second}")
    if found is None and "." in first and second:
        return first, second
    return found
