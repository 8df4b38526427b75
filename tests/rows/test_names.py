"""One cell has one name: every spelling comes to it, what could mean two things is refused (law 7)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.cloud import PLACE
from valve_aws.aws import names
from valve_aws.aws.effects import effect
from valve_aws.aws.names import NotCanonical
from valve_aws.aws.rows import mail
from valve_aws.model.stack import KeySchema

SCHEMA = KeySchema(("pk", "S"), ("sk", "N"))
QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"


@pytest.mark.parametrize("text", ["1", "1.0", "1E0", "+1", "01", "10e-1", "0.1E1", "1."])
def test_all_spellings_of_a_number_are_one_item(text: str) -> None:
    assert names.item({"pk": {"S": "a"}, "sk": {"N": text}}, SCHEMA) == "a/1"


@pytest.mark.parametrize("text", ["0", "-0", "0.00", "-0E5", "000", "+0"])
def test_there_is_one_zero(text: str) -> None:
    assert names.number(text) == "0"


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1_0", "0x1", "١", "NaN", "Infinity", "1e", "--1", "1e999", "9" * 39, "1e-131"]
)
def test_what_no_table_takes_for_a_number_is_refused(text: str) -> None:
    with pytest.raises(NotCanonical):
        names.number(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20))
def test_a_number_keeps_its_value_and_has_one_spelling(value: Decimal) -> None:
    canonical = names.number(str(value))
    assert Decimal(canonical) == value
    assert names.number(f"{value:E}") == canonical


@given(st.text(), st.text())
def test_two_items_never_share_a_name(one: str, other: str) -> None:
    schema = KeySchema(("a", "S"), ("b", "S"))

    def name(a: str, b: str) -> str | None:
        try:
            return names.item({"a": {"S": a}, "b": {"S": b}}, schema)
        except NotCanonical:
            return None

    assert name(one, other) is None or name(one, other) != name(other, one) or one == other
    assert name(one, "x") is None or name(one, "x") != name(one + "/x", "x")


@given(st.text(min_size=1), st.text())
def test_what_begins_alike_still_does_once_escaped(prefix: str, rest: str) -> None:
    try:
        assert names.escaped(prefix + rest).startswith(names.escaped(prefix))
    except NotCanonical:
        assert any("\ud800" <= c <= "\udfff" for c in prefix + rest)


def test_bytes_are_base64_and_escaped() -> None:
    assert names.item({"k": {"B": b"\xff\xff\xff"}}, KeySchema(("k", "B"))) == "%2F%2F%2F%2F"


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"pk": {"S": "a"}},
        {"pk": {"N": "1"}, "sk": {"N": "1"}},
        {"pk": {"S": ""}, "sk": {"N": "1"}},
        {"pk": {"S": "a", "N": "1"}, "sk": {"N": "1"}},
        {"pk": "a", "sk": {"N": "1"}},
    ],
)
def test_a_key_that_is_not_the_tables_is_refused(key: dict[str, object]) -> None:
    with pytest.raises(NotCanonical):
        names.item(key, SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "jobs",
        QUEUE,
        "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
        "https://queue.amazonaws.com/123456789012/jobs",
        "https://us-east-1.queue.amazonaws.com/123456789012/jobs",
        "http://127.0.0.1:5000/123456789012/jobs",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/123456789012/jobs",
        "http://localhost:4566/queue/us-east-1/123456789012/jobs",
    ],
)
def test_a_queue_has_one_name(text: str) -> None:
    assert names.queue(text, PLACE) == QUEUE


@pytest.mark.parametrize(
    "text",
    [
        "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
        "https://h/123456789012/jobs?x=1",
        "https://h/1/jobs",
        "https://h/123456789012/jobs%2e",
        "https://h//123456789012/jobs",
        "https://u@h/123456789012/jobs",
        "a b",
        "x" * 81,
        "arn:aws:sns:us-east-1:123456789012:jobs",
        "",
    ],
)
def test_a_queues_name_that_could_be_two_is_refused(text: str) -> None:
    with pytest.raises(NotCanonical):
        names.queue(text, PLACE)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:s3:us-east-1:123456789012:accesspoint/ap",
        "Upper",
        "ab",
        "a..b",
        "1.2.3.4",
        "a_b",
        "b-s3alias",
        "b--x-s3",
        "a/b",
        "b\n",
    ],
)
def test_a_second_name_of_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(NotCanonical):
        names.bucket(text)


@pytest.mark.parametrize("key", ["", "a\0b", "a/../b", "..", "./a", "x" * 1025, "\ud800"])
def test_a_key_that_is_not_read_alike_everywhere_is_refused(key: str) -> None:
    with pytest.raises(NotCanonical):
        names.object_key(key)


@pytest.mark.parametrize(
    ("source", "key", "version"),
    [
        ("bucket/a%20b", "a b", ""),
        ("/bucket/a/b", "a/b", ""),
        ("bucket/a%3Fb?versionId=v1", "a?b", "v1"),
        ({"Bucket": "bucket", "Key": "a?b", "VersionId": "v1"}, "a?b", "v1"),
        ("bucket/%C3%A9", "é", ""),
    ],
)
def test_a_copy_source_is_read_as_the_service_reads_it(source: object, key: str, version: str) -> None:
    assert names.copy_source(source) == ("arn:aws:s3:::bucket", key, version)


@pytest.mark.parametrize(
    "source",
    [
        "bucket/a+b",
        "bucket/a?b",
        "bucket/a%2",
        "bucket/é",
        "bucket",
        "arn:aws:s3:us-east-1:1:accesspoint/ap/object/k",
        "/arn%3Aaws%3As3:x/k",
        "bucket/a%00",
        "bucket/a?versionId=v&x=y",
    ],
)
def test_a_copy_source_with_two_readings_is_refused(source: str) -> None:
    with pytest.raises(NotCanonical):
        names.copy_source(source)


@pytest.mark.parametrize(
    ("text", "qualifier", "found"),
    [
        ("f", "", ""),
        ("f:live", "", "live"),
        ("123456789012:function:f", "", ""),
        ("f", "live", "live"),
        ("f:live", "live", "live"),
        ("arn:aws:lambda:us-east-1:123456789012:function:f:live", "", "live"),
        ("function:f", "", ""),
    ],
)
def test_a_function_has_one_name(text: str, qualifier: str, found: str) -> None:
    assert names.function(text, PLACE, qualifier) == (
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        found,
    )


def test_two_qualifiers_that_differ_are_refused() -> None:
    with pytest.raises(NotCanonical):
        names.function("f:live", PLACE, "test")


SECRETS = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"


@pytest.mark.parametrize("text", ["db/key", f"{SECRETS}db/key"])
def test_a_secret_has_one_name(text: str) -> None:
    assert names.secret(text, PLACE) == (f"{SECRETS}db/key",)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (["db"], ["db"]),
        (["db-master"], ["db-master"]),
        # Why both: it may be either, and what is not ours of them is refused.
        (["db", "db-master"], ["db", "db-master"]),
        ([], ["db", "db-master"]),
    ],
)
def test_an_arn_that_ends_like_what_aws_appends_is_the_secret_that_is_there_or_both(
    known: list[str], found: list[str]
) -> None:
    place = replace(PLACE, secrets=frozenset(SECRETS + name for name in known))
    assert names.secret(f"{SECRETS}db-master", place) == tuple(SECRETS + name for name in found)


@pytest.mark.parametrize(
    "text", ["/app/mode", "/app/mode:3", "arn:aws:ssm:us-east-1:123456789012:parameter/app/mode", "app/mode"]
)
def test_a_parameter_has_one_name(text: str) -> None:
    assert names.parameter(text, PLACE) == "arn:aws:ssm:us-east-1:123456789012:parameter/app/mode"


def test_a_parameter_that_refers_to_a_secret_is_the_secret() -> None:
    assert (names.parameter("/aws/reference/secretsmanager/db", PLACE),) == names.secret("db", PLACE)


def test_a_table_by_name_and_by_arn_is_one_and_another_accounts_is_not_ours() -> None:
    assert names.table("T", PLACE) == names.table("arn:aws:dynamodb:us-east-1:123456789012:table/T", PLACE)
    assert "999999999999" in names.table("arn:aws:dynamodb:us-east-1:999999999999:table/T", PLACE)
    assert names.table_of(names.table("T", PLACE) + "/index/i") == names.table("T", PLACE)


@pytest.mark.parametrize("text", ["a@Example.org", "A <a@example.org>", '"Doe, J" <a@example.org>'])
def test_a_mailbox_has_one_name(text: str) -> None:
    assert mail.destination({"ToAddresses": [text]}) == ["ses:to/a@example.org"]


@pytest.mark.parametrize(
    "text", ["a@b.c, d@e.f", "a", "<a@b.c", "a@b.c>", "a@b@c", "a@b.c\r\nBcc: x@y.z", "é@b.c"]
)
def test_what_may_be_two_mailboxes_is_refused(text: str) -> None:
    with pytest.raises(NotCanonical):
        mail.destination({"ToAddresses": [text]})


def test_a_raw_mail_goes_to_whom_its_fields_name() -> None:
    message = (
        b'From: x@y.z\r\nTo: a@b.c,\r\n "D, E" <d@e.f>\r\nBcc: g@h.i\r\nSubject: hi\r\n\r\nTo: not@this.one'
    )
    assert mail.raw(message) == ["ses:to/a@b.c", "ses:to/d@e.f", "ses:to/g@h.i"]


@pytest.mark.parametrize(
    "head",
    [b"To a@b.c", b"X-SES-SOURCE-ARN: x", b"To: a@b.c\rBcc: d@e.f", b"To: \xc3\xa9@b.c", b"To : a@b.c"],
)
def test_a_raw_mail_that_could_be_read_two_ways_is_refused(head: bytes) -> None:
    with pytest.raises(NotCanonical):
        mail.raw(b"From: x@y.z\r\n" + head + b"\r\n\r\nbody")


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("dynamodb", "BatchGetItem", {"RequestItems": {"t": {"Keys": [{"pk": {"S": "a"}}] * 1001}}}),
        ("dynamodb", "BatchGetItem", {"RequestItems": {f"t-{n}": {"Keys": []} for n in range(1001)}}),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"t": [{"DeleteRequest": {"Key": {}}}] * 1001}}),
        ("dynamodb", "TransactGetItems", {"TransactItems": [{"Get": {}}] * 1001}),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {}}] * 1001}),
        ("dynamodb", "BatchExecuteStatement", {"Statements": [{"Statement": ""}] * 1001}),
        ("s3", "DeleteObjects", {"Bucket": "files", "Delete": {"Objects": [{"Key": "a"}] * 1001}}),
    ],
)
def test_what_names_more_than_any_service_takes_is_refused_before_it_costs_look_ups(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(NotCanonical, match="names 1001 things at once"):
        effect(service, operation, params, PLACE, lambda _: SCHEMA)
