from pinnace.apiserver.bootstrap.rbac import bootstrap_rbac


def _by_name(kind):
    return {o["metadata"]["name"]: o for o in bootstrap_rbac() if o["kind"] == kind}


def test_no_object_is_listed_twice():
    keys = [
        (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in bootstrap_rbac()
    ]
    assert len(keys) == len(set(keys))


def test_every_binding_binds_a_role_that_is_there():
    objects = bootstrap_rbac()
    roles = {
        (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects
    }
    for obj in objects:
        if "roleRef" in obj:
            ref = obj["roleRef"]
            where = obj["metadata"].get("namespace", "") if ref["kind"] == "Role" else ""
            assert (ref["kind"], where, ref["name"]) in roles


def test_admin_includes_edit_and_edit_includes_view():
    roles = _by_name("ClusterRole")
    for above, below in (("admin", "edit"), ("edit", "view")):
        assert all(rule in roles[above]["rules"] for rule in roles[below]["rules"])
    assert roles["view"]["metadata"]["labels"] == {
        "kubernetes.io/bootstrapping": "rbac-defaults",
        "rbac.authorization.k8s.io/aggregate-to-edit": "true",
    }
    assert "secrets" not in {r for x in roles["view"]["rules"] for r in x["resources"]}


def test_every_object_is_marked_as_bootstrapped():
    for obj in bootstrap_rbac():
        meta = obj["metadata"]
        assert meta["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults"
        assert meta["annotations"] == {"rbac.authorization.kubernetes.io/autoupdate": "true"}


def test_nothing_is_shared_between_two_calls():
    bootstrap_rbac()[0]["rules"].clear()
    assert bootstrap_rbac()[0]["rules"]
