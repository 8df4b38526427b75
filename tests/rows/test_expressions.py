"""What expressions and statements touch; whatever cannot be read touches everything or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.cloud import PLACE
from valve_aws.aws import effects
from valve_aws.aws.names import NotCanonical
from valve_aws.aws.rows import expression
from valve_aws.model.cell import Part, Span
from valve_aws.model.stack import KeySchema

SCHEMA = KeySchema(("pk", "S"), ("sk", "N"), {"by-a": ("a", "pk")})
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/T"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a", {"a"}),
        ("a, b.c, d[0].e", {"a", "b", "d"}),
        ("a = :v AND NOT b <> :w", {"a", "b"}),
        ("attribute_exists(a.b) or size(c) > :n", {"a", "c"}),
        ("a BETWEEN :x AND :y and b IN (:p, c)", {"a", "b", "c"}),
        ("contains(#n, :v)", {"#n"}),
        ("#n.and", {"#n"}),
        ("begins_with (a, b)", {"a", "b"}),
        ("size = :v", {"size"}),
    ],
)
def test_a_condition_looks_at_the_first_name_of_each_path(text: str, found: set[str]) -> None:
    assert expression.looked(text) == found


@pytest.mark.parametrize("text", ["a-b é", "a = 'x'", "#a-:b", "a;b", "a /* b */", '"a"'])
def test_an_expression_that_cannot_be_read_looks_at_everything(text: str) -> None:
    assert expression.looked(text) is None


@pytest.mark.parametrize(
    ("text", "written", "looked"),
    [
        ("SET a = :v", {"a"}, set()),
        ("set a = b", {"a"}, {"b"}),
        ("SET a.b = :v", {"a"}, {"a"}),
        ("SET a[1] = :v", {"a"}, {"a"}),
        ("SET a = if_not_exists(b, :v), c = list_append(:x, d)", {"a", "c"}, {"b", "d"}),
        ("SET a = a + :one", {"a"}, {"a"}),
        ("REMOVE a, b", {"a", "b"}, set()),
        ("REMOVE a.b", {"a"}, {"a"}),
        ("ADD n :one", {"n"}, {"n"}),
        ("DELETE s :x", {"s"}, {"s"}),
        ("SET a = :v REMOVE b ADD n :one", {"a", "b", "n"}, {"n"}),
        ("SET #a = :v, b = #c - d", {"#a", "b"}, {"#c", "d"}),
    ],
)
def test_an_update_sets_and_looks_at(text: str, written: set[str], looked: set[str]) -> None:
    assert expression.update(text) == expression.Update(frozenset(written), frozenset(looked))


@pytest.mark.parametrize("text", ["", "a = :v", "SET a", "SET , a = :v", "SET :v = a", "SET a = 'x'"])
def test_an_update_that_cannot_be_read_is_none(text: str) -> None:
    assert expression.update(text) is None


@given(st.text(alphabet="SETab#n.,=:v+()[]01 REMOVE", max_size=40))
def test_reading_an_update_never_fails_and_never_loses_a_name(text: str) -> None:
    read = expression.update(text)
    if read is not None:
        roots = expression._roots(expression.tokens(text) or ())
        assert {r for r in roots if r.lower() not in expression.CLAUSES} <= read.written | read.looked | {
            "S",
            "E",
            "T",
        }


def judged(operation: str, **params: Any) -> effects.Judged:
    found = effects.effect("dynamodb", operation, params, PLACE, {TABLE: SCHEMA}.get)
    assert found is not None
    return found


def domain(**params: Any) -> tuple[Span, str]:
    found = judged("Query", TableName="T", **params).effect.reveals[0]
    return found.span, found.name


V = {":p": {"S": "a/b"}, ":n": {"N": "1.0"}, ":s": {"S": "x"}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pk = :p", (Span.PREFIX, "a%2Fb/")),
        ("pk = :p AND sk = :n", (Span.ONE, "a%2Fb/1")),
        ("(pk = :p) AND (sk > :n)", (Span.PREFIX, "a%2Fb/")),
        ("pk = :p AND sk BETWEEN :n AND :n", (Span.PREFIX, "a%2Fb/")),
        ("sk = :n and #p = :p", (Span.ONE, "a%2Fb/1")),
        ("a = :s", (Span.ALL, "")),
        ("a = :s AND pk = :p", (Span.PREFIX, "a%2Fb/")),
        ("pk = :p OR pk = :s", (Span.ALL, "")),
        ("NOT pk = :p", (Span.ALL, "")),
        ("pk > :p", (Span.ALL, "")),
        ("pk = :unknown", (Span.ALL, "")),
        ("pk =", (Span.ALL, "")),
    ],
)
def test_a_query_reads_no_less_than_its_key_range(text: str, found: tuple[Span, str]) -> None:
    assert (
        domain(
            KeyConditionExpression=text, ExpressionAttributeValues=V, ExpressionAttributeNames={"#p": "pk"}
        )
        == found
    )


def test_a_prefix_of_the_sort_key_narrows_only_texts() -> None:
    schema = KeySchema(("pk", "S"), ("sk", "S"))
    params = {
        "TableName": "T",
        "KeyConditionExpression": "pk = :s AND begins_with(sk, :p)",
        "ExpressionAttributeValues": V,
    }
    found = effects.effect("dynamodb", "Query", params, PLACE, lambda _: schema)
    assert found is not None
    assert (found.effect.reveals[0].span, found.effect.reveals[0].name) == (Span.PREFIX, "x/a%2Fb")


def test_a_table_whose_keys_are_not_known_is_touched_whole() -> None:
    read = effects.effect(
        "dynamodb", "GetItem", {"TableName": "U", "Key": {"x": {"S": "1"}}}, PLACE, lambda _: None
    )
    assert read is not None
    assert {(e.span, e.attributes) for e in read.effect.reveals} == {(Span.ALL, None)}
    put = effects.effect(
        "dynamodb", "PutItem", {"TableName": "U", "Item": {"x": {"S": "1"}}}, PLACE, lambda _: None
    )
    assert put is not None
    assert {(e.part, e.span) for e in put.effect.changes} >= {
        (Part.CONTENT, Span.ALL),
        (Part.CONTENT, Span.ONE),
    }


def test_a_placeholder_that_the_request_does_not_explain_means_every_attribute() -> None:
    key = {"pk": {"S": "p"}, "sk": {"N": "1"}}
    found = judged(
        "GetItem", TableName="T", Key=key, ProjectionExpression="#a, b", ExpressionAttributeNames={"#b": "a"}
    )
    assert found.effect.reveals[0].attributes is None


def statement(text: str, *values: Any) -> effects.Judged:
    return judged("ExecuteStatement", Statement=text, Parameters=list(values))


@pytest.mark.parametrize(
    ("text", "span", "name", "attributes"),
    [
        ("SELECT a FROM \"T\" WHERE pk = 'p' AND sk = 1E0", Span.ONE, "p/1", {"a", "pk", "sk"}),
        ("select a, b.c from T where pk='p' and b > 3", Span.PREFIX, "p/", {"a", "b", "pk", "sk"}),
        ("SELECT * FROM T WHERE pk = 'p'", Span.PREFIX, "p/", None),
        ("SELECT a FROM T", Span.ALL, "", {"a", "pk", "sk"}),
        ("SELECT a FROM T WHERE pk = 'p' OR b = 1", Span.ALL, "", {"a", "b", "pk", "sk"}),
        ("SELECT a FROM T WHERE pk IN ['p', 'q']", Span.ALL, "", {"a", "pk", "sk"}),
        ("SELECT a FROM T WHERE NOT pk = 'p'", Span.ALL, "", {"a", "pk", "sk"}),
        ("SELECT a FROM T.\"by-a\" WHERE a = 'x' ORDER BY pk", Span.ALL, "", {"a", "pk", "sk"}),
        ("SELECT size(a) FROM T WHERE pk = 'it''s'", Span.PREFIX, "it's/", None),
    ],
)
def test_a_select_reads_no_less_than_its_where(
    text: str, span: Span, name: str, attributes: set[str] | None
) -> None:
    found = statement(text).effect.reveals[0]
    assert (found.span, found.name, found.attributes) == (
        span,
        name,
        attributes if attributes is None else frozenset(attributes),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DROP TABLE T",
        "SELECT a FROM T, U",
        "SELECT a FROM T JOIN U",
        "SELECT a FROM 'T'",
        "SELECT a FROM T -- x",
        "SELECT a FROM T;",
        "SELECT a FROM (SELECT b FROM U)",
        "SELECT 'x FROM U' FROM T",
        "UPDATE T SET a = 1 WHERE b = 2",
        "DELETE FROM T",
        "INSERT INTO T VALUE ?",
        "INSERT INTO T VALUE {'pk': 'a', 'pk': 'b', 'sk': 1}",
        "SELECT a FROM T AS x",
        'UPDATE T SET a = 1 WHERE pk = "p" AND sk = 1',
        "DELETE FROM T WHERE pk = 'p' OR sk = 1",
        "SELECT a FROM T /* FROM U */",
    ],
)
def test_a_statement_that_could_touch_something_else_is_refused(text: str) -> None:
    with pytest.raises(NotCanonical):
        statement(text)


def test_a_written_statement_names_its_item_and_attributes() -> None:
    found = statement(
        "UPDATE T SET a = b SET c.d = ? REMOVE e WHERE pk = ? AND sk = ? AND f = 1",
        {"S": "x"},
        {"S": "p"},
        {"N": "2.0"},
    )
    assert found.effect.changes[0].name == "p/2"
    assert found.effect.changes[0].attributes == {"a", "c", "e"}
    assert next(e for e in found.effect.reveals if e.part is Part.CONTENT).attributes == {"b", "c", "f"}
    assert found.actions == (("dynamodb:PartiQLUpdate", TABLE),)


def test_an_insert_names_its_item() -> None:
    assert (
        statement("INSERT INTO T VALUE {'pk': ?, 'sk': 1, 'm': {'sk': 9}}", {"S": "p"}).effect.changes[0].name
        == "p/1"
    )
