"""A place outside is written in one way; what would match nothing, or more than it seems to, is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.application import HERE, resource, stack
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Invalid
from valve_aws.policy import read
from valve_aws.text import parse

Reads = Callable[[str], FlowPolicy]
Refuses = Callable[[str], Invalid]


def line(target: str) -> str:
    return f"version: 1\nstores: {{'{target}': {{}}}}"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://api.stripe.com/*", "https://api.stripe.com/*"),
        ("https://API.Stripe.com:443/v1/Charges", "https://api.stripe.com/v1/Charges"),
        ("http://host.test:80/", "http://host.test/"),
        ("https://host.test:8443/*", "https://host.test:8443/*"),
        ("https://host.test./*", "https://host.test/*"),
        ("https://*.example.org/{Tenant}/*", "https://*.example.org/{Tenant}/*"),
        ("https://{Tenant}.Example.org/*", "https://{Tenant}.example.org/*"),
        ("https://*/*", "https://*/*"),
        ("https://10.0.0.7/*", "https://10.0.0.7/*"),
        ("https://[2001:DB8::1]:8443/*", "https://[2001:db8::1]:8443/*"),
        ("tcp://DB.internal:05432", "tcp://db.internal:5432"),
        ("tcp://[::1]:6379", "tcp://[::1]:6379"),
        ("ses:to/Ops@Example.ORG", "ses:to/Ops@example.org"),
        ("ses:to/*", "ses:to/*"),
        ("ses:to/*@example.org", "ses:to/*@example.org"),
        ("ses:to/{user}@{domain}.org", "ses:to/{user}@{domain}.org"),
        ("ses:to/{user}@{domain}", "ses:to/{user}@{domain}"),
        ("sns:sms/+15550100", "sns:sms/+15550100"),
        ("arn:aws:s3:::partner-*", "arn:aws:s3:::partner-*"),
        (f"arn:aws:sqs:{HERE}:partner", f"arn:aws:sqs:{HERE}:partner"),
        (f"arn:aws:logs:{HERE}:log-group:/a/b:*", f"arn:aws:logs:{HERE}:log-group:/a/b"),
        (f"arn:aws:secretsmanager:{HERE}:secret:key-AbC123", f"arn:aws:secretsmanager:{HERE}:secret:key"),
    ],
)
def test_a_target_is_known_by_one_name(policy: Reads, written: str, canonical: str) -> None:
    (rule,) = policy(line(written)).stores
    assert (rule.target, rule.written) == (canonical, written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("https://api.stripe.com", "write `https://api.stripe.com/*`"),
        ("https://api.stripe.com*", "the end of the host"),
        ("https://*stripe.com/*", "stands alone at its beginning"),
        ("https://api.*.com/*", "stands alone at its beginning"),
        ("https://api.{tld}/*", "the end of the host"),
        ("https://user@host.test/*", "a user's name"),
        ("https://host.test:0/*", "no port"),
        ("https://host.test:99999/*", "no port"),
        ("https://host.test:{port}/*", "the end of the host"),
        ("https://host.test/a?b=*", "after the path"),
        ("https://host.test/a/../b", "more than one way"),
        ("https://host.test/a%2Fb", "more than one way"),
        ("https://host.test//a", "more than one way"),
        ("https://bücher.test/*", "in ASCII"),
        ("https:///*", "names no host"),
        ("https:host.test/*", "names no host"),
        ("https://host.test/{a}{b}", "one part ends"),
        ("https://host.test/*/{a}", "follows a `*`"),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "arn:aws:sqs:eu-west-1:123456789012:jobs"),
        ("htps://host.test/*", "no place outside"),
        ("dns:host.test", "no place outside"),
        ("bedrock:model", "declare it under `operations`"),
        ("tcp://db.internal", "no host and port"),
        ("tcp://db.internal:5432/x", "no port"),
        ("tcp://*:5432x", "no port"),
        ("ses:to/ops", "no mailbox"),
        ("ses:ops@example.org", "no mailbox"),
        ("ses:to/*@{domain}", "follows a `*`"),
        ("ses:to/x@y.{domain}", "the end of the host"),
        ("sns:sms/5550100", "no telephone number"),
        ("arn:aws:s3", "no whole ARN"),
        ("arn:aws:s3:::bucket/key", "name `arn:aws:s3:::bucket`"),
        (f"arn:aws:dynamodb:{HERE}:table/t/index/i", f"name `arn:aws:dynamodb:{HERE}:table/t`"),
        (f"arn:aws:lambda:{HERE}:function:f:live", f"name `arn:aws:lambda:{HERE}:function:f`"),
        ("arn:aws:sqs:::jobs", "no region and account"),
        ("arn:aws:s3:::a{x}{y}", "one part ends"),
    ],
)
def test_a_target_that_does_not_mean_what_it_says_is_refused(
    mistake: Refuses, written: str, words: str
) -> None:
    told = mistake(line(written))
    assert str(told.where) == "valve.yaml:2:10"
    assert words in str(told)


def test_a_place_that_an_operation_declares_may_have_any_scheme(policy: Reads) -> None:
    found = policy(
        "version: 1\nlabels: {pii: {}}\nstores: {'bedrock:model': {accepts: [pii]}}\n"
        "operations: {'bedrock-runtime:InvokeModel': {writes: 'bedrock:model'}}"
    )
    assert found.stores[0].target == found.operations[0].writes[0] == "bedrock:model"


def test_an_operation_cannot_smuggle_in_a_form_that_is_checked(mistake: Refuses) -> None:
    told = mistake("version: 1\noperations: {'a:B': {writes: 'https://api.stripe.com*'}}")
    assert "the end of the host" in told.problem


def test_a_secret_of_the_stack_keeps_its_own_arn() -> None:
    secret = resource("Key", "AWS::SecretsManager::Secret")
    named = f"version: 1\nstores: {{'{secret.arn}': {{}}}}"
    assert read(parse(named, "v.yaml"), stack(secret), "v.yaml").stores[0].target == secret.arn
