"""Every kind of volume that this kubelet can mount, by its field in the Pod's spec."""

from pinnace.node.volumes.base import VolumeKind
from pinnace.node.volumes.config_map import CONFIG_MAP
from pinnace.node.volumes.downward_api import DOWNWARD_API
from pinnace.node.volumes.empty_dir import EMPTY_DIR
from pinnace.node.volumes.host_path import HOST_PATH
from pinnace.node.volumes.image import IMAGE
from pinnace.node.volumes.persistent_volume_claim import EPHEMERAL, PERSISTENT_VOLUME_CLAIM
from pinnace.node.volumes.projected import PROJECTED
from pinnace.node.volumes.secret import SECRET

VOLUMES: tuple[VolumeKind, ...] = (
    EMPTY_DIR,
    HOST_PATH,
    CONFIG_MAP,
    SECRET,
    DOWNWARD_API,
    PROJECTED,
    PERSISTENT_VOLUME_CLAIM,
    EPHEMERAL,
    IMAGE,
)
