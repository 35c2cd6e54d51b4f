import base64
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from pinnace.node.imagepull import (
    ImagePuller,
    PullFailed,
    credentials,
    go_duration,
    with_default_tag,
)
from pinnace.testing.fake_runtime import FakeRuntime

START = datetime(2030, 1, 1, tzinfo=UTC)


class Hands:
    def __init__(self):
        self.now = START
        self.runtime = FakeRuntime(lambda: self.now)
        self.puller = ImagePuller(self.runtime, lambda: self.now)
        self.told = []

    async def ensure(self, image, policy="IfNotPresent"):
        async def secrets():
            return []

        return await self.puller.ensure(
            image,
            policy,
            sandbox=None,
            secrets=secrets,
            tell=lambda kind, reason, message: self.told.append((reason, message)),
        )

    async def reason(self, image, policy="IfNotPresent"):
        with pytest.raises(PullFailed) as caught:
            await self.ensure(image, policy)
        return caught.value.reason


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:1", "nginx:1"),
        ("host:5000/a/b", "host:5000/a/b:latest"),
        ("a@sha256:" + "0" * 64, "a@sha256:" + "0" * 64),
    ],
)
def test_a_reference_without_a_tag_means_latest(image, wanted):
    assert with_default_tag(image) == wanted


async def test_a_bad_name_is_told_in_upstreams_words():
    hands = Hands()
    assert await hands.reason("a b") == "InvalidImageName"
    assert hands.told == [
        (
            "InspectFailed",
            'Failed to apply default image tag "a b": '
            'couldn\'t parse image name "a b": invalid reference format',
        )
    ]


async def test_an_image_that_is_here_is_not_pulled_unless_always():
    hands = Hands()
    hands.runtime.images_here.add("nginx:latest")
    await hands.ensure("nginx")
    assert hands.told == [
        (
            "Pulled",
            'Container image "nginx" already present on machine and can be accessed by the pod',
        )
    ]
    await hands.ensure("nginx", "Always")
    assert ("pull_image", "nginx:latest") in hands.runtime.calls


async def test_never_means_never():
    hands = Hands()
    assert await hands.reason("nginx", "Never") == "ErrImageNeverPull"
    assert not hands.runtime.calls


async def test_a_failed_pull_is_left_alone_for_a_growing_while():
    hands = Hands()
    assert await hands.reason("gone:1") == "ErrImagePull"
    assert await hands.reason("gone:1") == "ImagePullBackOff"
    assert hands.puller.retry_in() == 10
    hands.now += timedelta(seconds=10)
    assert await hands.reason("gone:1") == "ErrImagePull"
    assert hands.puller.retry_in() == 20
    hands.now += timedelta(seconds=20)
    hands.runtime.pullable.add("gone:1")
    assert (await hands.ensure("gone:1")).id == "gone:1"
    assert hands.told[-1] == (
        "Pulled",
        'Successfully pulled image "gone:1" in 0s (0s including waiting). Image size: 1000 bytes.',
    )


def secret(**auths):
    body = orjson.dumps({"auths": auths})
    return {"data": {".dockerconfigjson": base64.b64encode(body).decode()}}


def test_the_longest_match_among_the_pull_secrets_signs_in():
    held = [
        secret(**{"https://host.example/v2/": {"username": "wide"}}),
        secret(**{"host.example/team": {"username": "narrow"}}),
    ]

    def who(image):
        found = credentials(image, held)
        return found.username if found else None

    assert who("host.example/team/app:1") == "narrow"
    assert who("host.example/other") == "wide"
    assert who("nginx") is None


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(0, "0s"), (0.95, "950ms"), (1.25, "1.25s"), (3, "3s"), (123.5, "2m3.5s")],
)
def test_durations_are_written_as_go_does(seconds, wanted):
    assert go_duration(timedelta(seconds=seconds)) == wanted
