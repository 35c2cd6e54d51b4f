"""The encryption at rest that the settings ask for."""

from pinnace.apiserver.at_rest import EncryptionConfig
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.store.encryption import transformers
from pinnace.store.encryption.settings import EncryptionError, load


def encryption_config(config: ClusterConfig) -> EncryptionConfig | None:
    """Return what is encrypted how, None if nothing is; raises ConfigError."""
    path = config.apiserver.encryption_provider_config
    reload = config.apiserver.encryption_provider_config_automatic_reload
    if not path:
        if reload:
            raise ConfigError(
                "--encryption-provider-config-automatic-reload must be set with "
                "--encryption-provider-config"
            )
        return None
    try:
        encryption = load(path, reload=reload)
        transformers.check(encryption)
    except EncryptionError as error:
        raise ConfigError(str(error)) from error
    return EncryptionConfig(
        encryption=encryption, path=path, reload=reload, prefix=config.etcd_prefix.rstrip("/")
    )
