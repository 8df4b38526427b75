"""Decoys of one test: put where a thief looks, and asked for at its end.

Knows the stores of a template and how something is put there. Does not know how a decoy is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from valve_aws.canary import Lookout, Sighting
from valve_aws.canary import told as telling
from valve_aws.pytest_plugin.cloud import Cloud, InProcess
from valve_aws.report.flows import Flows, Place

SECRET = "backup/credentials"

KEYS: dict[str, dict[str, Any]] = {"S": {"S": "canary"}, "N": {"N": "0"}, "B": {"B": b"canary"}}
"""The key of a decoy's item, by the type of a key attribute."""

TABLE = "AWS::DynamoDB::Table"


class Canary:
    """The decoys of one test. Evidence only: no verdict depends on them."""

    def __init__(self, lookout: Lookout, cloud: Cloud | InProcess, asked: Callable[[], Flows]) -> None:
        self._lookout, self._cloud, self._asked = lookout, cloud, asked
        self._patch = pytest.MonkeyPatch()
        self._allowed: list[Place] = []
        flock = lookout.flock
        self.access_key, self.secret_key = flock.access_key.value, flock.secret_key.value
        """Also among the variables of every function: `BACKUP_ACCESS_KEY_ID`, `BACKUP_SECRET_ACCESS_KEY`."""
        self.secret, self.name, self.email = flock.secret.value, flock.name.value, flock.email.value

    def expose(self) -> None:
        """Put the key among this process's own variables, where handlers look that run in it."""
        for name, value in self._lookout.flock.variables().items():
            self._patch.setenv(name, value)

    def plant(self) -> None:
        """Put a secret into Secrets Manager and a person into every table."""
        client = self._cloud.client("secretsmanager")
        text = json.dumps({"user": self.access_key, "password": self.secret_key, "token": self.secret})
        try:
            client.create_secret(Name=SECRET, SecretString=text)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=SECRET, SecretString=text)
        for resource in self._cloud.stack.resources.values():
            if resource.kind == TABLE and resource.arn:
                self.record(resource.logical)

    def record(self, table: str, **more: str) -> None:
        """Put a person who is not there into a table; `more` are attributes, its key among them."""
        from valve_aws import template

        stack, name = self._cloud.stack, self._cloud.name(table)
        arn = next(each.arn for each in stack.resources.values() if each.name == name)
        schema = template.schema(stack)(arn)
        keys = [schema.partition, *([schema.sort] if schema.sort else [])] if schema else []
        item = {key: {"S": value} for key, value in self._lookout.flock.record().items()}
        item |= {key: KEYS[kind] for key, kind in keys}
        item |= {key: {"S": value} for key, value in more.items()}
        self._cloud.client("dynamodb").put_item(TableName=name, Item=item)

    def object(self, bucket: str, key: str = "backup/credentials.json") -> None:
        """Put a file with a key pair into a bucket."""
        text = json.dumps({"accessKeyId": self.access_key, "secretAccessKey": self.secret_key})
        self._cloud.client("s3").put_object(Bucket=self._cloud.name(bucket), Key=key, Body=text.encode())

    def allow(self, *, to: str) -> None:
        """Say that decoys are meant to go there: a logical id, a host, an ARN, `results`, `logs`."""
        self._allowed.append(self._asked().place(to))

    @property
    def sightings(self) -> list[Sighting]:
        """Return what was seen to leave so far, apart from what is allowed."""
        self._asked()
        return [sighting for sighting in self._lookout.sightings if not self._meant(sighting)]

    def _meant(self, sighting: Sighting) -> bool:
        return all(any(_lies_at(place, to) for to in self._allowed) for place in sighting.places)

    def close(self) -> list[str]:
        """Take down what was put into this process; return what the test fails for, in words."""
        self._patch.undo()
        title = self._asked().title
        return [telling(sighting, title) for sighting in self.sightings]


def _lies_at(place: Any, to: Place) -> bool:
    return place.operation == to.way if to.way else to.among(place.resources)
