"""The file of `--admission-control-config-file`, and the flags beside it."""

from pathlib import Path
from typing import Any

from pinnace.api.codec import yaml
from pinnace.api.errors import ApiError
from pinnace.apiserver.admission import options
from pinnace.apiserver.admission import settings as plugin_settings
from pinnace.apiserver.admission.options import AdmissionOptions
from pinnace.cluster.apiserver_settings import ApiServerSettings
from pinnace.cluster.config import ConfigError

_GROUP, _KIND = "apiserver.config.k8s.io", "AdmissionConfiguration"
_LEGACY = "podNodeSelectorPluginConfig"


def admission_options(settings: ApiServerSettings) -> AdmissionOptions:
    """Return which plug-ins are on and what they are told; raises ConfigError."""
    file = settings.admission_control_config_file
    found = AdmissionOptions(
        enable=settings.enable_admission_plugins,
        disable=settings.disable_admission_plugins,
        configuration=_configuration(Path(file)) if file else {},
    )
    try:
        options.check(found)
        plugin_settings.check(found.configuration)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return found


def _configuration(path: Path) -> dict[str, Any]:
    given = _read(path)
    if _LEGACY in given:
        return {"PodNodeSelector": given}
    version, kind = given.get("apiVersion"), given.get("kind")
    if kind != _KIND or version not in (f"{_GROUP}/v1", f"{_GROUP}/v1alpha1"):
        raise ConfigError(
            f'unable to read admission control configuration from "{path}": no kind "{kind}" is '
            f'registered for version "{version}"'
        )
    found: dict[str, Any] = {}
    for plugin in given.get("plugins") or ():
        name, configuration = plugin.get("name") or "", plugin.get("configuration")
        if configuration is None and plugin.get("path"):
            configuration = _read(path.parent / plugin["path"])
        if configuration is not None:
            found[name] = configuration
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        given = yaml.decode(path.read_bytes())
    except (OSError, ApiError) as error:
        why = str(error).splitlines()[0]
        raise ConfigError(
            f'unable to read admission control configuration from "{path}" [{why}]'
        ) from error
    if not isinstance(given, dict):
        raise ConfigError(f'unable to read admission control configuration from "{path}"')
    return given
