"""Prefers nodes that have a pod's images already, the larger the more."""

import numpy as np

from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, State
from pinnace.scheduler.podinfo import PodInfo

_MIB = 1024 * 1024
# Below this an image is no reason, above that (a container) more makes no difference.
_LEAST, _MOST = 23 * _MIB, 1000 * _MIB


class ImageLocality:
    """Sums the images' sizes, each scaled by the share of nodes that have it."""

    name = "ImageLocality"

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        columns = state.columns
        sizes = np.zeros(len(feasible), np.int64)
        for image in pod.images:
            rows = columns.images.get(_tagged(image))
            if rows:
                share = len(rows) / max(columns.count, 1)
                for row, size in rows.items():
                    sizes[row] += int(size * share)
        most = _MOST * max(len(pod.images), 1)
        clipped = np.clip(sizes, _LEAST, most)
        return (clipped - _LEAST) * MAX_SCORE // (most - _LEAST)


def _tagged(image: str) -> str:
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
