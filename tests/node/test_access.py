import pytest
from aiohttp import web

from pinnace.api.errors import ServiceUnavailable
from pinnace.kit.clock import VirtualClock
from pinnace.node.access import Access, subresources, visitor_of


class Reviewer:
    """Answers reviews like an API server, and counts them."""

    def __init__(self, allowed=(), down=False):
        self.allowed, self.down, self.asked = set(allowed), down, []

    async def create(self, row, body, **more):
        if self.down:
            raise ServiceUnavailable("no")
        self.asked.append((row.kind, body["spec"]))
        if row.kind == "TokenReview":
            good = body["spec"]["token"] == "good"
            user = {"username": "system:serviceaccount:kube-system:metrics-server", "groups": ["g"]}
            return {"status": {"authenticated": good, "user": user if good else {}}}
        asked = body["spec"]["resourceAttributes"]
        may = (asked["verb"], asked["subresource"]) in self.allowed
        return {"status": {"allowed": may}}


def certificate(name, *groups):
    return {
        "subject": (
            *((("organizationName", group),) for group in groups),
            (("commonName", name),),
        )
    }


def access(reviewer, clock=None):
    return Access(reviewer, clock or VirtualClock(), "node-1")


async def check(it, *, token="", shown=None, method="GET", path="/metrics/resource"):
    authorization = f"Bearer {token}" if token else ""
    await it.check(certificate=shown, authorization=authorization, method=method, path=path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/metrics/resource", ["metrics"]),
        ("/metrics", ["metrics"]),
        ("/stats/summary", ["stats"]),
        ("/pods", ["pods", "proxy"]),
        ("/runningpods/", ["pods", "proxy"]),
        ("/healthz", ["healthz", "proxy"]),
        ("/configz", ["configz", "proxy"]),
        ("/exec/{namespace}/{pod}/{container}", ["proxy"]),
        ("/metricsandmore", ["proxy"]),
        ("/", ["proxy"]),
    ],
)
def test_a_path_is_a_subresource_of_the_node(path, expected):
    assert subresources(path) == expected


def test_a_certificate_names_a_user_and_groups():
    found = visitor_of(certificate("jane", "dev", "ops"))
    assert (found.name, found.groups) == ("jane", ("dev", "ops", "system:authenticated"))
    assert visitor_of({}) is None
    assert visitor_of(None) is None


async def test_masters_need_no_review():
    reviewer = Reviewer()
    await check(access(reviewer), shown=certificate("x", "system:masters"), path="/exec/a/b/c")
    assert reviewer.asked == []


async def test_a_name_alone_opens_nothing():
    with pytest.raises(web.HTTPForbidden):
        await check(access(Reviewer()), shown=certificate("kube-apiserver"), path="/exec/a/b/c")


async def test_a_token_with_the_permission_is_let_in_and_both_are_remembered():
    reviewer, clock = Reviewer({("get", "metrics")}), VirtualClock()
    it = access(reviewer, clock)
    await check(it, token="good")
    await check(it, token="good")
    assert [kind for kind, _ in reviewer.asked] == ["TokenReview", "SubjectAccessReview"]
    _, asked = reviewer.asked[1]
    assert asked["resourceAttributes"] == {
        "verb": "get",
        "version": "v1",
        "resource": "nodes",
        "subresource": "metrics",
        "name": "node-1",
    }
    assert asked["groups"] == ["g"]
    await clock.advance(121)
    await check(it, token="good")
    assert [kind for kind, _ in reviewer.asked][2:] == ["TokenReview"]
    await clock.advance(300)
    await check(it, token="good")
    assert [kind for kind, _ in reviewer.asked][3:] == ["TokenReview", "SubjectAccessReview"]


async def test_a_refusal_is_told_as_upstream_does_and_forgotten_sooner():
    reviewer, clock = Reviewer(), VirtualClock()
    it = access(reviewer, clock)
    for _ in range(2):
        with pytest.raises(web.HTTPForbidden) as refused:
            await check(it, token="good", path="/pods")
    assert refused.value.text == (
        "Forbidden (user=system:serviceaccount:kube-system:metrics-server, verb=get, "
        "resource=nodes, subresource(s)=[pods proxy])\n"
    )
    assert len(reviewer.asked) == 3
    reviewer.allowed = {("get", "pods")}
    await clock.advance(31)
    await check(it, token="good", path="/pods")


async def test_a_permission_for_metrics_runs_nothing():
    reviewer = Reviewer({("get", "metrics"), ("create", "metrics")})
    for method in ("GET", "POST"):
        with pytest.raises(web.HTTPForbidden):
            await check(access(reviewer), token="good", method=method, path="/exec/{a}/{b}/{c}")


@pytest.mark.parametrize("authorization", ["", "Basic Z29vZA==", "Bearer ", "Bearer bad", "good"])
async def test_nobody_is_told_so(authorization):
    with pytest.raises(web.HTTPUnauthorized) as refused:
        await access(Reviewer()).check(
            certificate=None, authorization=authorization, method="GET", path="/metrics"
        )
    assert refused.value.text == "Unauthorized"


async def test_without_the_api_server_nobody_new_gets_in():
    reviewer = Reviewer(down=True)
    with pytest.raises(web.HTTPUnauthorized):
        await check(access(reviewer), token="good")
    with pytest.raises(web.HTTPInternalServerError, match="Internal"):
        await check(access(reviewer), shown=certificate("jane"))
