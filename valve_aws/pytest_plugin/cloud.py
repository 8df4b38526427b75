"""What answers AWS calls in a test, with names as the template has them.

Knows where it is and what things are called there. Does not know labels.
"""

from __future__ import annotations

from typing import Any

from valve_aws.backend import Endpoint
from valve_aws.model.call import Key
from valve_aws.model.stack import Stack
from valve_aws.report.flows import unknown


class Cloud:
    """The cloud of one test."""

    def __init__(self, stack: Stack, endpoint: Endpoint, boto3: Any) -> None:
        """`boto3` is the session that clients are made of; it has read what they need from disk."""
        self._stack, self._endpoint, self._boto3 = stack, endpoint, boto3

    @property
    def url(self) -> str:
        """Return where it answers, `http://127.0.0.1:…`."""
        return self._endpoint.url

    @property
    def region(self) -> str:
        """Return the stack's region."""
        return self._stack.region

    @property
    def account(self) -> str:
        """Return the stack's account."""
        return self._stack.account

    @property
    def key(self) -> Key:
        """Return a credential that is good there and nowhere else."""
        return self._endpoint.credential

    def name(self, logical: str) -> str:
        """Return the physical name of a resource or function. Raises `Invalid` for one that there is not."""
        found = self._stack.resources.get(logical) or self._stack.functions.get(logical)
        if found is None:
            known = [*self._stack.resources, *self._stack.functions]
            raise unknown("the template has no resource", logical, known)
        return found.name

    def client(self, service: str, **more: Any) -> Any:
        """Return a boto3 client of it; `more` is what `boto3.client` takes."""
        return self._boto3.client(service, **self._there, **more)

    def resource(self, service: str, **more: Any) -> Any:
        """Return a boto3 resource of it."""
        return self._boto3.resource(service, **self._there, **more)

    @property
    def _there(self) -> dict[str, str]:
        key = self.key
        return {
            "endpoint_url": self.url,
            "region_name": self.region,
            "aws_access_key_id": key.access_key,
            "aws_secret_access_key": key.secret_key,
            "aws_session_token": key.token,
        }
