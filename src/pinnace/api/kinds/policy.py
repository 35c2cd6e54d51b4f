"""Rows of the policy group."""

from pinnace.api.resources import Resource, status

PODDISRUPTIONBUDGETS = Resource(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    singular="poddisruptionbudget",
    short=("pdb",),
    subresources=(status("PodDisruptionBudget"),),
    prefix="/registry/poddisruptionbudgets",
    storage="policy/v1",
)

ROWS = (PODDISRUPTIONBUDGETS,)
