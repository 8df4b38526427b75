"""What `valve init` proposes reads back as it is, whatever names an application has, and says why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.application import ACCOUNT, REGION, allow, example, function, resource, stack, table
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Delivery, Stack, Trigger
from valve_aws.policy import dead, propose, read
from valve_aws.policy.sensitive import by_name, by_value, in_content, in_key
from valve_aws.policy.writing import scalar
from valve_aws.text import parse


@dataclass(frozen=True)
class Seed:
    kind: str
    arn: str
    key: str = ""
    item: Mapping[str, Any] = field(default_factory=dict)
    content: bytes = b""


def read_back(text: str, app: Stack) -> FlowPolicy:
    return read(parse(text, "valve.yaml"), app, "valve.yaml")


def spoken(text: str) -> str:
    """Make every suggestion count, as its reader might."""
    return re.sub(r"(?m)^( *)#(?=[^ ])", r"\1", text)


def shop() -> tuple[Stack, tuple[Seed, ...]]:
    customers, orders = table("Customers", "id"), table("Orders", "email", "at")
    uploads, jobs = resource("Uploads", "AWS::S3::Bucket"), resource("Jobs", "AWS::SQS::Queue")
    key, mode = resource("PayKey", "AWS::SecretsManager::Secret"), resource("Mode", "AWS::SSM::Parameter")
    app = stack(
        *(customers, orders, uploads, jobs, key, mode, resource("Idle", "AWS::SQS::Queue")),
        resource("UsersArchive", "AWS::S3::Bucket"),
        function(
            "Checkout",
            allow("dynamodb:*", customers, orders),
            allow("sqs:SendMessage", jobs),
            environment={
                "PAY": "https://api.stripe.com/v1?x=1",
                "DB_PASSWORD": "x",
                "QUEUE": "https://sqs.us-east-1.amazonaws.com/1/q",
            },
            triggers=(Trigger("Checkout", "Api", "HttpApi"),),
        ),
        function(
            "Worker",
            allow("sqs:ReceiveMessage", jobs),
            allow("s3:PutObject", uploads),
            triggers=(Trigger("Worker", "Q", "SQS", jobs.arn),),
        ),
        function(
            "Tidy", allow("s3:*", "arn:aws:s3:::app-usersarchive", why="AmazonS3FullAccess", loose=True)
        ),
        function("Alone", unmanaged_role=True),
        deliveries=(Delivery(jobs.arn, "ses:to/ops@example.org"),),
    )
    seeds = (
        Seed(
            "item", customers.arn, item={"id": {"S": "c1"}, "phone": {"S": "1"}, "contact": {"S": "a@b.test"}}
        ),
        Seed("object", uploads.arn, "exports/passwords.txt", content=b"x"),
        Seed("object", uploads.arn, "people{1}.csv", content=b"id,email\n1,x"),
        Seed("object", uploads.arn, "logo.png", content=b"\x89PNG"),
        Seed("message", jobs.arn, content=b'{"order": {"cardNumber": "1"}}'),
        Seed(
            "secret", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:partner-api-key", "partner-api-key"
        ),
        Seed("parameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/db/password", "/app/db/password"),
        Seed("parameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/mode", "/app/mode"),
    )
    return app, seeds


def test_what_looks_sensitive_is_labelled_where_it_stands() -> None:
    app, seeds = shop()
    rules = {r.written: r for r in read_back(propose(app, seeds), app).stores}
    assert {a: t.patterns for a, t in rules["Customers"].attributes.items()} == {
        "phone": ("pii/phone",),
        "contact": ("pii/email",),
    }
    assert rules["Orders"].attributes["email"].patterns == ("pii/email",)
    assert [(c.key[""], c.holds.patterns) for c in rules["Uploads"].cells] == [
        ("exports/passwords.txt", ("secret/password",)),
        ("people*1*.csv", ("pii/email",)),
    ]
    assert rules["Jobs"].holds.patterns == ("card",)
    assert rules["PayKey"].holds.patterns == ("secret",)
    assert rules[seeds[5].arn].holds.patterns == ("secret/key",)
    assert rules[seeds[6].arn].holds.patterns == ("secret/password",)
    assert not {"Mode", "Idle", "UsersArchive", seeds[7].arn} & rules.keys()


def test_every_proposed_line_says_what_it_rests_on() -> None:
    text = propose(*shop())
    lines = text.splitlines()
    labelled = [
        line for line in lines if re.search(r"(holds: |^      \S+: )\[", line) and "#" not in line[:7]
    ]
    assert len(labelled) == 9
    assert all("  # " in line for line in labelled)
    assert "contact: [pii/email]  # a value in the seed has the form of an e-mail address" in text
    assert "email: [pii/email]  # named like an e-mail address; it is a key" in text


def test_what_would_open_something_is_only_suggested() -> None:
    app, seeds = shop()
    text = propose(app, seeds)
    found = read_back(text, app)
    assert not any(rule.accepts.patterns for rule in found.stores)
    assert found.results["default"].patterns == ()
    assert all("://" not in rule.target for rule in found.stores)
    assert (
        "    #accepts: [pii/email, pii/phone]  # Checkout, Alone may learn that, and may write here"
        not in text
    )
    assert re.search(r"^    #accepts: \[.*pii/phone.*\]  # Checkout", text, re.MULTILINE)
    assert '  #"https://api.stripe.com/*": {accepts: []}  # Checkout has it in PAY' in text
    assert '  #"ses:to/ops@example.org": {accepts: []}  # Jobs delivers to it' in text
    assert "  #UsersArchive: {holds: [pii]" in text
    assert "amazonaws" not in text


def test_what_the_template_leaves_open_is_said() -> None:
    text = propose(*shop())
    assert "#   AmazonS3FullAccess: all that its services allow counts as granted" in text
    assert "#   its role is not in the template" in text
    assert "#   the variable DB_PASSWORD is named like a password: no line labels a variable" in text
    assert "# no function is granted anything on it" not in text


def test_a_proposal_with_every_suggestion_taken_up_is_a_policy_too() -> None:
    app, seeds = shop()
    found = read_back(spoken(propose(app, seeds)), app)
    assert {"https://api.stripe.com/*", "ses:to/ops@example.org"} <= {r.target for r in found.stores}
    assert found.events["Checkout.Api"].patterns == ("user/{requestContext.authorizer.jwt.claims.sub}",)
    assert not [f for f in dead(found, app) if f.severity == "error"]


def test_an_application_with_nothing_sensitive_gets_a_policy_all_the_same() -> None:
    app = stack(resource("Jobs", "AWS::SQS::Queue"), function("One"))
    text = propose(app)
    assert read_back(text, app).stores == ()
    assert "#pii: {}" in text
    assert "no function is granted anything on it: Jobs" in text
    assert "One: the template grants it no store" in text


def test_an_application_of_nothing_gets_a_policy() -> None:
    assert read_back(propose(stack()), stack()).mode == "enforce"


NAMES = st.one_of(
    st.sampled_from(
        ["true", "No", "~", "null", "y", "email", "a: b", "#x", "- a", "é", "a\nb", "'", '"', "1", "{x}", "*"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)


@settings(deadline=None, max_examples=120)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.lists(NAMES, min_size=1, max_size=4), NAMES)
def test_whatever_things_are_called_the_proposal_reads_back(
    logical: list[str], names: list[str], value: str
) -> None:
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SecretsManager::Secret")
    parts = [
        resource(n, kinds[i % 4], AttributeDefinitions=[{"AttributeName": names[0]}])
        for i, n in enumerate(logical)
    ]
    worker = function(
        "F" + names[-1],
        allow("*", "*", why=names[0], loose=True),
        environment={"password" + names[0]: value, "URL": f"https://{value}/"},
        triggers=(Trigger("F" + names[-1], names[0], "Api"),),
    )
    app = stack(*parts, worker)
    seeds = [Seed("item", parts[0].arn, item={n: {"S": "a@b.test"} for n in names})]
    seeds += [Seed("object", p.arn, f"email/{n}", content=b"email,b\n") for p in parts[1:2] for n in names]
    text = propose(app, seeds)
    found = read_back(text, app)
    read_back(spoken(text), app)
    rule = next(r for r in found.stores if r.written == parts[0].logical)
    assert rule.attributes.keys() >= set(names)


@given(NAMES)
def test_a_word_is_written_so_that_it_reads_back(text: str) -> None:
    assert parse(f"- {scalar(text)}\n", "t.yaml").value[0].value == text
    assert "\n" not in scalar(text)


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("email", "pii/email"),
        ("customerEmailAddress", "pii/email"),
        ("PHONE_NUMBER", "pii/phone"),
        ("phonenumber", "pii/phone"),
        ("source-ip", "pii/ip"),
        ("ssn", "pii/ssn"),
        ("creditCard", "card"),
        ("cvv2", "card"),
        ("iban", "pii/iban"),
        ("dbPassword", "secret/password"),
        ("token", "secret/token"),
        ("accessToken", "secret/token"),
        ("STRIPE_SECRET_KEY", "secret/key"),
        ("dob", "pii/dob"),
        ("name", "pii/name"),
        ("first_name", "pii/name"),
        ("shippingAddress", "pii/address"),
        ("address2", "pii/address"),
        ("diagnosis", "health"),
    ],
)
def test_a_field_is_known_by_its_name(name: str, tag: str) -> None:
    guess = by_name(name)
    assert guess is not None
    assert guess.tag == tag


@pytest.mark.parametrize(
    "name",
    """
    id pk sk key total TABLE_NAME fileName BUCKET nextToken pageToken description company ship recipient
    postcard SECRET_ARN TOKEN_TABLE EMAIL_QUEUE tooltip trip panel
    """.split(),
)
def test_a_field_that_only_sounds_so_is_left_alone(name: str) -> None:
    assert by_name(name) is None


def test_a_value_is_known_by_its_form() -> None:
    guesses = [by_value(v) for v in ("a@b.test", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00")]
    assert [g and g.tag for g in guesses] == ["pii/email", "card", "pii/iban"]
    assert not [
        v for v in ("4111 1111 1111 1112", "https://a@b.test/", "hello", "", "a" * 100) if by_value(v)
    ]


def test_contents_and_keys_are_looked_into() -> None:
    assert [g.tag for g in in_content(b'[{"user": {"email": 1, "dob": 2}}]')] == ["pii/email", "pii/dob"]
    assert [g.tag for g in in_content(b"id, phone\n1,2")] == ["pii/phone"]
    assert in_content(b"\xff\xfe\x00") == in_content(b"") == in_content(b"[" * 9999) == ()
    guess = in_key("users/42/passport.jpg")
    assert guess is not None
    assert guess.tag == "pii/ssn"
    assert in_key("photos/cat.jpg") is None


def test_the_design_s_application_gets_a_policy_without_errors() -> None:
    app = example()
    found = read_back(propose(app), app)
    assert not [f for f in dead(found, app) if f.severity == "error"]
