"""CEL, the language of rules: one engine for definitions, policies and match conditions. Pure.

    scope = Environment(variables={"self": INT})              # environment.py
    program = scope.compile("self > 1")                       # CompileError: upstream's text
    program.run({"self": 2}, limit).value                     # Outcome: value, or error, and cost

Match conditions (of webhooks and policies), see admission.py:

    conditions = Conditions(spec["matchConditions"], ignore_failures=policy == "Ignore")
    conditions.match(variables) -> bool       # raises ValueError, in upstream's words, for `Fail`

where `variables` has object, oldObject, request, namespaceObject, authorizer and
"authorizer.requestResource"; `apiserver/policies/inputs.py` makes them of admission's Attributes.
"""
