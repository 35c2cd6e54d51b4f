from pinnace.apiserver.bootstrap.table import bootstrap_objects


def test_every_flow_schema_names_a_level_that_is_there():
    objects = bootstrap_objects()
    levels = {o["metadata"]["name"] for o in objects if o["kind"] == "PriorityLevelConfiguration"}
    schemas = [o for o in objects if o["kind"] == "FlowSchema"]
    assert {s["spec"]["priorityLevelConfiguration"]["name"] for s in schemas} == levels
    assert {"exempt", "catch-all"} <= levels


def test_namespaces_come_before_what_lies_in_them():
    objects = bootstrap_objects()
    seen = set()
    for obj in objects:
        namespace = obj["metadata"].get("namespace")
        assert namespace is None or namespace in seen
        if obj["kind"] == "Namespace":
            seen.add(obj["metadata"]["name"])


def test_system_priorities_are_above_all_that_users_can_define():
    values = {
        o["metadata"]["name"]: o["value"]
        for o in bootstrap_objects()
        if o["kind"] == "PriorityClass"
    }
    assert values == {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}
