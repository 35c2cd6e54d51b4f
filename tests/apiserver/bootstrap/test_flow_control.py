from pinnace.apiserver.bootstrap.flow_control import bootstrap_flow_control


def test_every_flow_schema_names_a_level_that_is_there() -> None:
    objects = bootstrap_flow_control()
    levels = {o["metadata"]["name"] for o in objects if o["kind"] == "PriorityLevelConfiguration"}
    schemas = [o for o in objects if o["kind"] == "FlowSchema"]
    assert {s["spec"]["priorityLevelConfiguration"]["name"] for s in schemas} == levels
    assert {"exempt", "catch-all"} <= levels
