"""Rows of the batch group."""

from pinnace.api.resources import Resource, status

CRONJOBS = Resource(
    group="batch",
    version="v1",
    kind="CronJob",
    plural="cronjobs",
    singular="cronjob",
    short=("cj",),
    categories=("all",),
    subresources=(status("CronJob"),),
    prefix="/registry/cronjobs",
    storage="batch/v1",
)
JOBS = Resource(
    group="batch",
    version="v1",
    kind="Job",
    plural="jobs",
    singular="job",
    categories=("all",),
    subresources=(status("Job"),),
    prefix="/registry/jobs",
    storage="batch/v1",
)

ROWS = (
    CRONJOBS,
    JOBS,
)
