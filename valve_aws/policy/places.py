"""The stores of an application, and what of them looks sensitive, by template and seed.

Knows where names of fields stand: key schemas, items, keys, contents. Does not write a policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from valve_aws.model.stack import Resource, Stack
from valve_aws.policy import sensitive
from valve_aws.policy.names import key_attributes
from valve_aws.policy.sensitive import Guess, Sown

KINDS = {
    "AWS::S3::Bucket": "bucket",
    "AWS::SQS::Queue": "queue",
    "AWS::DynamoDB::Table": "table",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::SNS::Topic": "topic",
    "AWS::Kinesis::Stream": "stream",
    "AWS::KinesisFirehose::DeliveryStream": "delivery stream",
    "AWS::Events::EventBus": "event bus",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::SSM::Parameter": "parameter",
    "AWS::Logs::LogGroup": "log group",
    "AWS::StepFunctions::StateMachine": "state machine",
}
"""Types that a proposal speaks of."""


@dataclass(slots=True)
class Place:
    """What is proposed for one store."""

    name: str
    """As the policy names it."""
    target: str
    what: str
    holds: dict[str, str] = field(default_factory=dict)
    """Tag → why."""
    attributes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Attribute → (tag, why)."""
    objects: dict[str, dict[str, str]] = field(default_factory=dict)
    """Pattern → tag → why."""

    likely: tuple[str, str] | None = None
    """(Tag, why) of what its own name says may be in it: too little for more than a suggestion."""

    def tags(self) -> set[str]:
        """Return all that it would hold."""
        return {
            *self.holds,
            *(tag for tag, _ in self.attributes.values()),
            *(t for told in self.objects.values() for t in told),
        }


def places(stack: Stack, seeds: Iterable[Sown]) -> list[Place]:
    """Return the stores that a policy could speak of, with what was found in each."""
    found = {r.arn: _place(r) for r in stack.resources.values() if r.kind in KINDS and r.arn}
    for seed in seeds:
        place = found.get(seed.arn)
        if place is None and seed.kind in {"secret", "parameter"} and seed.arn:
            place = found[seed.arn] = Place(seed.arn, seed.arn, seed.kind)
        if place is not None:
            _look(place, seed)
    for place in found.values():
        if place.what == "secret" and not place.holds:
            place.holds["secret"] = "it is a secret"
    return list(found.values())


def _place(resource: Resource) -> Place:
    place = Place(
        resource.logical, resource.arn, KINDS[resource.kind], likely=sensitive.by_subject(resource.logical)
    )
    if place.what == "table":
        keys = key_attributes(resource.properties) or ()
        for attribute in _attributes(resource):
            if guess := sensitive.by_name(attribute):
                also = "; it is a key, and keys are named in calls" if attribute in keys else ""
                place.attributes[attribute] = (guess.tag, guess.why + also)
    elif place.what == "parameter":
        named = secretive(resource.name.rpartition("/")[2]) or secretive(resource.logical)
        if named is None and resource.properties.get("Type") == "SecureString":
            named = Guess("secret", "a SecureString")
        if named is not None:
            place.holds[named.tag] = named.why
    return place


def secretive(name: str) -> Guess | None:
    """Return the guess for a name of something that is a setting unless it is a secret."""
    guess = sensitive.by_name(name)
    return guess if guess is not None and guess.tag.startswith("secret") else None


def _attributes(resource: Resource) -> list[str]:
    defined = resource.properties.get("AttributeDefinitions")
    entries = defined if isinstance(defined, list | tuple) else ()
    return [str(e["AttributeName"]) for e in entries if isinstance(e, dict) and e.get("AttributeName")]


def _look(place: Place, seed: Sown) -> None:
    """Take in what one thing of the seed tells of its store."""
    if seed.kind == "item":
        for attribute, guess in sensitive.in_item(seed.item):
            place.attributes.setdefault(attribute, (guess.tag, guess.why))
    elif seed.kind == "message":
        for guess in sensitive.in_content(seed.content):
            place.holds.setdefault(guess.tag, f"a message of the seed has a field {guess.why}")
    elif seed.kind == "object":
        guesses = [*filter(None, [sensitive.in_key(seed.key)]), *sensitive.in_content(seed.content)]
        if guesses:
            # Why: a pattern cannot write a brace as itself; `*` stands for it.
            pattern = re.sub(r"[{}]", "*", seed.key)
            told = place.objects.setdefault(pattern, {})
            for guess in guesses:
                told.setdefault(guess.tag, guess.why)
    elif seed.kind in {"secret", "parameter"}:
        named = secretive((seed.key or seed.arn.rpartition(":")[2]).rpartition("/")[2])
        if named is not None:
            place.holds[named.tag] = named.why
