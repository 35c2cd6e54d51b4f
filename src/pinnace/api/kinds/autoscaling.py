"""Rows of the autoscaling group."""

from pinnace.api.resources import Resource, status

HORIZONTALPODAUTOSCALERS = Resource(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short=("hpa",),
    categories=("all",),
    subresources=(status("HorizontalPodAutoscaler"),),
    prefix="/registry/horizontalpodautoscalers",
    storage="autoscaling/v2",
)
HORIZONTALPODAUTOSCALERS_V1 = Resource(
    group="autoscaling",
    version="v1",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short=("hpa",),
    categories=("all",),
    subresources=(status("HorizontalPodAutoscaler"),),
    prefix="/registry/horizontalpodautoscalers",
    storage="autoscaling/v2",
)

ROWS = (
    HORIZONTALPODAUTOSCALERS,
    HORIZONTALPODAUTOSCALERS_V1,
)
