"""Any tree at all is a policy or a mistake, and what is a policy fits the schema that editors use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.policy.application import EXAMPLE
from tests.policy.application import example as app_of_the_example
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.policy import dead, read, schema
from valve_aws.text import parse

APP = app_of_the_example()
WORDS = st.sampled_from(
    """
    version mode labels stores functions events results logs operations grant only-to why holds accepts from
    with sha256: authorization ?key sealed
    attributes items objects key clearance writes invokes may-remove into release reveals configure
    label default all enforce audit off pii pii/email card tenant/{tenant} {x} user/{sub} * {tenant}/*
    pk sk id email Customers Orders Uploads Jobs Role Worker Checkout Checkout.Api Worker.Jobs
    bedrock:model ses:to/{email}
    https://api.stripe.com/* tcp://db.internal:5432 arn:aws:s3:::x s3:GetObject [a-z]{1,3} (a|b)* Arn Ref
    """.split()
)
ODD = st.text(max_size=5) | st.text("arn:/{}*.\\@+-", max_size=12)
SCALARS = st.one_of(WORDS, ODD, st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=3))
TAGS = st.sampled_from(["", "", "", "", "Ref", "GetAtt", "Sub", "If"])
PLACES = st.builds(Where, st.just("valve.yaml"), st.integers(1, 9), st.integers(1, 9))


def trees(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    values = st.lists(children, max_size=4) | st.dictionaries(WORDS | ODD, children, max_size=4)
    return st.builds(Node, values, PLACES, TAGS)


NODES = st.recursive(st.builds(Node, SCALARS, PLACES, TAGS), trees, max_leaves=12)


def lists(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(Node, st.lists(children, max_size=3), PLACES)


def maps(keys: list[str], values: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(Node, st.dictionaries(st.sampled_from(keys), values, max_size=3), PLACES)


TAG = st.builds(Node, st.sampled_from(["pii", "card", "pii/email", "tenant/{tenant}"]), PLACES)
TARGET = st.builds(Node, st.sampled_from(["Jobs", "Uploads", "https://a.test/*", "ses:to/{tenant}"]), PLACES)
RULE = maps(["holds", "accepts"], lists(TAG))
STORE = st.fixed_dictionaries(
    {},
    optional={
        "holds": lists(TAG) | TAG,
        "accepts": lists(TAG),
        "from": lists(st.just(Node("Worker", Where("v")))),
        "sealed": st.builds(Node, st.booleans(), PLACES),
        "with": st.just(Node({"authorization": Node("secret", Where("v"))}, Where("v"))),
        "attributes": maps(["email"], lists(TAG)),
        "objects": maps(["{tenant}/*", "*", "a"], RULE),
    },
).map(lambda parts: Node(parts, Where("v")))
LIKELY = st.fixed_dictionaries(
    {
        "version": st.builds(Node, st.sampled_from([1, "1", True, 2]), PLACES),
        "labels": st.just(Node({"pii": Node(None, Where("v")), "card": Node({}, Where("v"))}, Where("v"))),
    },
    optional={
        "mode": st.builds(Node, st.sampled_from(["enforce", False, True, "x"]), PLACES),
        "stores": maps(["Jobs", "Uploads", "Customers", "ses:to/{tenant}"], STORE | NODES),
        "functions": maps(["Worker", "Resize"], maps(["clearance", "writes"], lists(TARGET) | lists(TAG))),
        "events": maps(["Checkout.Api", "Worker.Jobs"], maps(["label"], lists(TAG))),
        "results": maps(["accepts", "default", "Checkout"], maps(["accepts"], lists(TAG)) | lists(TAG)),
        "logs": maps(["accepts", "release"], lists(TAG) | maps(["a", "b c"], TAG)),
        "operations": maps(["a:B", "a:b"], maps(["writes", "reveals"], lists(TARGET))),
        "grant": lists(maps(["functions", "configure", "why"], NODES)),
    },
).map(lambda parts: Node(parts, Where("v")))


def tried(node: Node) -> FlowPolicy | None:
    try:
        return read(node, APP, "valve.yaml")
    except Invalid:
        return None


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(LIKELY | NODES)
@example(parse(EXAMPLE, "valve.yaml"))
def test_any_tree_is_a_policy_or_a_mistake(node: Node) -> None:
    found = tried(node)
    if found is not None:
        assert isinstance(dead(found, APP), tuple)
        if not any(n.tag for n in walk(node)):
            VALIDATOR.validate(node.plain())


def walk(node: Node) -> list[Node]:
    inner = node.value.values() if isinstance(node.value, dict) else node.value
    return (
        [node, *(n for child in inner for n in walk(child))]
        if isinstance(inner, list | type({}.values()))
        else [node]
    )


VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_schema_is_one_and_takes_the_example() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    VALIDATOR.validate(parse(EXAMPLE, "valve.yaml").plain())


def at(tree: Any, *path: Any) -> Any:
    for step in path:
        tree = tree[step]
    return tree


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.pop("version"),
        lambda t: t.update(version=2),
        lambda t: t.update(mode="on"),
        lambda t: t.update(extra={}),
        lambda t: t["labels"].update(PII={}),
        lambda t: t["labels"].update(card={"only": []}),
        lambda t: t["stores"]["Customers"].update(hold=[]),
        lambda t: t["stores"]["Analytics"].update(sealed="yes"),
        lambda t: t["stores"]["Analytics"].update(holds=["{x}"]),
        lambda t: at(t, "stores", "Orders", "items", 0).pop("key"),
        lambda t: at(t, "stores", "Orders", "items").append({"key": {"pk": "x"}}),
        lambda t: at(t, "stores", "Uploads", "objects").update({"": {"holds": []}}),
        lambda t: t["functions"]["Resize"].update(clearance=None),
        lambda t: t["functions"]["Anonymise"].update({"may-remove": {"pii": {}}}),
        lambda t: t["events"].update({"Checkout": {"label": []}}),
        lambda t: t["events"].update({"Checkout.Api": []}),
        lambda t: t["results"].update(accepts=[]),
        lambda t: t["logs"].update(release={"a b": "x"}),
        lambda t: t["operations"].update({"Invoke": {"writes": []}}),
        lambda t: t["operations"].update({"a:B": {}}),
        lambda t: t["grant"].append({"functions": ["Deploy"], "configure": ["Reports"]}),
        lambda t: t["grant"].append({"functions": ["Deploy"], "configure": ["Reports"], "why": " "}),
    ],
)
def test_what_the_schema_refuses_is_refused_when_read(spoil: Callable[[Any], object]) -> None:
    tree = parse(EXAMPLE, "valve.yaml").plain()
    spoil(tree)
    assert not VALIDATOR.is_valid(tree)
    with pytest.raises(Invalid):
        read(noded(tree), APP, "valve.yaml")


def noded(value: Any) -> Node:
    if isinstance(value, dict):
        return Node({k: noded(v) for k, v in value.items()}, Where("valve.yaml", 1, 1))
    return Node([noded(v) for v in value] if isinstance(value, list) else value, Where("valve.yaml", 1, 1))


def test_every_key_of_the_language_has_a_description_for_editors() -> None:
    silent = [name for name, told in schema()["properties"].items() if not told.get("description")]
    parts = schema()["$defs"]
    silent += [
        f"{d}.{k}"
        for d in ("store", "function")
        for k, v in parts[d]["properties"].items()
        if not v.get("description")
    ]
    assert not silent
