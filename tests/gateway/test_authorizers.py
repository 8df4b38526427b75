"""What an authorizer is shown, and what its answer means."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.gateway.asking import TIME, asked, taken
from valve_aws.triggers.gateway import authorizers, tokens
from valve_aws.triggers.gateway.asked import Answer
from valve_aws.triggers.gateway.authorizers import Allowed
from valve_aws.triggers.gateway.routes import Authorizer, Kind

TOKEN = Authorizer("A", "TOKEN", "J", ("$request.header.Authorization",), "Bearer .+")
REQUEST = Authorizer("A", "REQUEST", "J", ("$request.header.X-A", "$request.querystring.q"))
SIMPLE = Authorizer("A", "REQUEST", "J", ("$request.header.X-A",), version="2.0", simple=True)
ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/items/7"


def policy(
    effect: str = "Allow", action: Any = "execute-api:Invoke", resource: Any = ARN, **more: Any
) -> Any:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def decided(kind: Kind, authorizer: Authorizer, answer: Any) -> Allowed | Answer:
    return authorizers.decided(taken(kind), authorizer, ARN, json.dumps(answer).encode())


def test_a_token_authorizer_sees_the_token_and_what_is_asked_for() -> None:
    sent = asked("/items/7", Authorization="Bearer x")
    found = authorizers.identity(sent, taken(Kind.REST), TOKEN)
    assert found == ("Bearer x",)
    assert authorizers.shown(sent, taken(Kind.REST), TOKEN, found) == {
        "type": "TOKEN",
        "methodArn": ARN,
        "authorizationToken": "Bearer x",
    }


def test_without_an_identity_nobody_is_asked() -> None:
    assert authorizers.identity(asked("/"), taken(Kind.REST), TOKEN) is None
    assert authorizers.identity(asked("/", Authorization="Basic x"), taken(Kind.REST), TOKEN) is None
    assert authorizers.identity(asked("/?q=1"), taken(Kind.REST), REQUEST) is None
    assert authorizers.identity(asked("/?q=1", X_A="2"), taken(Kind.REST), REQUEST) == ("2", "1")


def test_a_request_authorizer_sees_the_request_without_its_body() -> None:
    sent = asked("/items/7?q=1", "POST", b"secret", X_A="2")
    rest = authorizers.shown(sent, taken(Kind.REST), REQUEST, ("2", "1"))
    assert (rest["type"], rest["path"], "body" in rest) == ("REQUEST", "/items/7", False)
    web = authorizers.shown(sent, taken(Kind.HTTP), SIMPLE, ("2",))
    assert (web["version"], web["type"], web["identitySource"]) == ("2.0", "REQUEST", ["2"])
    assert web["routeArn"].endswith("/$default/POST/items/7")
    assert "body" not in web
    old = authorizers.shown(sent, taken(Kind.HTTP), REQUEST, ("2", "1"))
    assert (old["version"], old["identitySource"]) == ("1.0", "2,1")


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        (policy(), True),
        (policy(resource=["arn:nothing", ARN.replace("items/7", "*")]), True),
        (policy(resource="*", action=["EXECUTE-API:*"]), True),
        (policy(resource=ARN.replace("GET", "???")), True),
        (policy("Deny"), False),
        (policy(resource=ARN.replace("7", "8")), False),
        (policy(action="s3:*"), False),
        (policy(Condition={"IpAddress": {}}), False),
        (
            {
                **policy(),
                "policyDocument": {
                    "Statement": [
                        policy()["policyDocument"]["Statement"][0],
                        policy("Deny", resource="*")["policyDocument"]["Statement"][0],
                    ]
                },
            },
            False,
        ),
    ],
)
def test_a_policy_lets_in_whom_it_allows_and_does_not_deny(answer: Any, allowed: bool) -> None:
    found = decided(Kind.REST, TOKEN, answer)
    assert isinstance(found, Allowed) is allowed
    if isinstance(found, Answer):
        assert found.status == 403


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"principalId": "me"},
        {"principalId": 7, "policyDocument": policy()["policyDocument"]},
        {**policy(), "context": {"a": {"b": 1}}},
        {**policy(), "context": "x"},
        {"principalId": "me", "policyDocument": {"Statement": "Allow"}},
        policy(action=1),
        {"isAuthorized": True},
    ],
)
def test_what_is_no_answer_lets_nobody_in(answer: Any) -> None:
    found = decided(Kind.REST, TOKEN, answer)
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (500, b'{"message":null}')


def test_a_pattern_with_many_stars_does_not_take_for_ever() -> None:
    found = decided(Kind.REST, TOKEN, policy(resource="*a" * 2000 + "*b"))
    assert isinstance(found, Answer)
    assert found.status == 403


def test_what_an_authorizer_says_of_the_caller_is_in_the_event() -> None:
    context = {"org": "o-1", "n": 7, "yes": True}
    found = decided(Kind.REST, TOKEN, {**policy(), "context": context})
    assert found == Allowed(
        {"org": "o-1", "n": "7", "yes": "true", "principalId": "me", "integrationLatency": 0}
    )
    simple = decided(Kind.HTTP, SIMPLE, {"isAuthorized": True, "context": context})
    assert simple == Allowed({"lambda": context})
    for answer in ({"isAuthorized": False}, {"isAuthorized": "true"}, {"isAuthorized": 1}):
        refused = decided(Kind.HTTP, SIMPLE, answer)
        assert isinstance(refused, Answer)
        assert (refused.status, refused.body) == (403, b'{"message":"Forbidden"}')


def test_what_is_said_of_the_caller_can_be_written_into_an_event() -> None:
    """The deepest that can be read cannot be written again: that it failed would be told unjudged."""
    for depth in range(800, 1000):
        nested = b'{"isAuthorized": true, "context": {"a": ' + b"[" * depth + b"]" * depth + b"}}"
        found = authorizers.decided(taken(Kind.HTTP), SIMPLE, ARN, nested)
        assert found == authorizers.broken(Kind.HTTP)


def test_an_error_that_says_unauthorized_is_that_and_any_other_is_an_error() -> None:
    assert authorizers.failed(Kind.REST, b'{"errorMessage": "Unauthorized"}').status == 401
    assert authorizers.failed(Kind.REST, b'{"errorMessage": "no"}').status == 500
    assert authorizers.failed(Kind.HTTP, b"?").status == 500


def token(**claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"Bearer e30.{middle}.sig"


HEADER = "$request.header.Authorization"
JWT = Authorizer("J", "JWT", sources=(HEADER,), issuer="https://i.test", audience=("me",))


@pytest.mark.parametrize(
    ("claims", "fits"),
    [
        ({"iss": "https://i.test", "aud": "me", "exp": TIME + 1}, True),
        ({"iss": "https://i.test", "aud": ["you", "me"]}, True),
        ({"iss": "https://i.test", "client_id": "me"}, True),
        ({"iss": "https://j.test", "aud": "me"}, False),
        ({"iss": "https://i.test", "aud": "you"}, False),
        ({"iss": "https://i.test", "aud": {"me": 1}}, False),
        ({"iss": "https://i.test", "aud": [["me"], {}]}, False),
        ({"iss": "https://i.test", "aud": "me", "exp": TIME - 1}, False),
        ({"iss": "https://i.test", "aud": "me", "nbf": TIME + 1}, False),
    ],
)
def test_claims_are_held_against_issuer_audience_and_time(claims: Any, fits: bool) -> None:
    found = tokens.claims(asked("/", Authorization=token(**claims)), JWT, TIME)
    assert (found == claims) is fits


@pytest.mark.parametrize(
    ("claims", "has"),
    [
        ({"scope": "a s"}, True),
        ({"scp": ["s"]}, True),
        ({"scp": ["a"]}, False),
        ({"scp": 7}, False),
        ({}, False),
    ],
)
def test_a_token_has_one_of_the_scopes_that_are_asked_for(claims: Any, has: bool) -> None:
    assert tokens.scoped(claims, Authorizer("J", "JWT", scopes=("s", "t"))) is has


def test_claims_stand_in_the_event_as_text() -> None:
    found = tokens.claimed({"sub": "u", "n": 7, "g": ["a", "b"]}, taken(Kind.HTTP), JWT)
    assert found == Allowed({"jwt": {"claims": {"sub": "u", "n": "7", "g": "[a b]"}, "scopes": None}})
    rest = tokens.claimed({"sub": "u"}, taken(Kind.REST), JWT)
    assert rest.context["claims"] == {"sub": "u"}
    for wrong in ("", "Bearer x", "Bearer a.b.c", "Bearer a.W10.c"):
        assert tokens.claims(asked("/", Authorization=wrong), JWT, TIME) is None
