"""Which container a request for logs means. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pinnace.api.objects import Object, parse_time
from pinnace.node.logs import LogOptions

_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


class NoLog(Exception):
    """There is no log to read; the text is upstream's."""


def _find(status: Mapping[str, Any], name: str) -> Object | None:
    for part in _LISTS:
        for each in status.get(part) or ():
            if each["name"] == name:
                return dict(each)
    return None


def _bare(container_id: str) -> str:
    return container_id.rpartition("://")[2]


def container_of_log(status: Mapping[str, Any], pod: str, container: str, *, previous: bool) -> str:
    """Return the id of the container whose log is meant; raises NoLog."""
    found = _find(status, container)
    what = f'container "{container}" in pod "{pod}"'
    if found is None:
        raise NoLog(f"{what} is not available")
    state = found.get("state") or {}
    last = ((found.get("lastState") or {}).get("terminated") or {}).get("containerID")
    if previous:
        if not last:
            raise NoLog(f'previous terminated container "{container}" in pod "{pod}" not found')
        return _bare(last)
    if "running" in state:
        return _bare(found["containerID"])
    ended = (state.get("terminated") or {}).get("containerID")
    if ended or last:
        return _bare(str(ended or last))
    if "terminated" in state:
        raise NoLog(f"{what} is terminated")
    reason = (state.get("waiting") or {}).get("reason", "")
    texts = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }
    raise NoLog(f"{what} is waiting to start: {texts.get(reason, reason)}")


def log_options(query: Mapping[str, str], now: datetime) -> LogOptions:
    """Read the query of a request for logs; raises ValueError for numbers that are none."""
    since = None
    if query.get("sinceSeconds"):
        try:
            since = now - timedelta(seconds=int(query["sinceSeconds"]))
        except OverflowError:
            since = None  # longer ago than there is time: everything
    elif query.get("sinceTime"):
        since = parse_time(query["sinceTime"])
    tail, limit = query.get("tailLines"), query.get("limitBytes")
    return LogOptions(
        follow=query.get("follow") in ("true", "1"),
        timestamps=query.get("timestamps") in ("true", "1"),
        since=since,
        tail_lines=int(tail) if tail and tail != "all" else None,
        limit_bytes=int(limit) if limit else None,
        stream=query.get("stream") or "All",
    )
