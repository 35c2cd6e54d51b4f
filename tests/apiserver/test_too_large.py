"""Objects that are larger than a store takes."""

from typing import Any

from pinnace.store.base import MOST_BYTES

PODS = "/api/v1/namespaces/default/pods"


def pod(size: int) -> Any:
    container = {"name": "c", "image": "i", "env": [{"name": "A", "value": "x" * size}]}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container]}}


async def test_what_is_too_large_is_refused_in_the_stores_words(api: Any) -> None:
    code, status = await api.do("POST", PODS, pod(MOST_BYTES))
    assert (code, status["message"]) == (500, "etcdserver: request is too large")


async def test_what_fits_without_managed_fields_is_stored_without_them(api: Any) -> None:
    _, made = await api.do("POST", PODS, pod(1))
    assert made["metadata"]["managedFields"]
    await api.do("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    del made["metadata"]["managedFields"]
    # Room for the rest of the Pod, and not for what is noted of its fields.
    size = MOST_BYTES - 1000
    for room in range(size, size - 1000, -50):
        code, made = await api.do("POST", PODS, pod(room))
        if code == 201:
            break
    assert code == 201
    assert "managedFields" not in made["metadata"]
