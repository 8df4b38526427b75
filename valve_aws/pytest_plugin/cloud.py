"""What answers AWS calls in a test, with names as the template has them.

Knows where it is, what things are called there, and how an AWS client is told. Does not know labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from valve_aws.backend import Endpoint
from valve_aws.model.call import Key
from valve_aws.model.stack import Stack
from valve_aws.pytest_plugin.host import NOWHERE, service_endpoints
from valve_aws.report.flows import unknown

UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Where a client finds another credential or another place (AWS SDKs and tools reference, settings)."""


class Cloud:
    """The cloud of one test."""

    def __init__(self, stack: Stack, endpoint: Endpoint, boto3: list[Any]) -> None:
        """`boto3` keeps the session that clients are made of: it has read what they need from disk."""
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
        return named(self._stack, logical)

    @property
    def stack(self) -> Stack:
        """Return what the template describes."""
        return self._stack

    def client(self, service: str, **more: Any) -> Any:
        """Return a boto3 client of it; `more` is what `boto3.client` takes."""
        return self._made("client", service, more)

    def resource(self, service: str, **more: Any) -> Any:
        """Return a boto3 resource of it."""
        return self._made("resource", service, more)

    def _made(self, kind: str, service: str, more: dict[str, Any]) -> Any:
        """Make a client of a session that has read its models already.

        Why with the environment changed: the user's own profile and files are nothing to it.
        """
        with pytest.MonkeyPatch.context() as patch:
            point(patch, self)
            if not self._boto3:
                import boto3

                self._boto3.append(boto3.Session())
            key = self.key
            return getattr(self._boto3[0], kind)(
                service,
                endpoint_url=self.url,
                region_name=self.region,
                aws_access_key_id=key.access_key,
                aws_secret_access_key=key.secret_key,
                aws_session_token=key.token,
                **more,
            )


def point(patch: pytest.MonkeyPatch, cloud: Cloud) -> None:
    """Have AWS clients of this process use a cloud, and know no other place or credential."""
    key = cloud.key
    for name in (*UNSET, *service_endpoints()):
        patch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_SESSION_TOKEN": key.token,
        "AWS_REGION": cloud.region,
        "AWS_DEFAULT_REGION": cloud.region,
        "AWS_CONFIG_FILE": NOWHERE,
        "AWS_SHARED_CREDENTIALS_FILE": NOWHERE,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)


class InProcess:
    """What this process's own boto3 reaches: moto's mock, a stub, whatever the test has set up."""

    def __init__(self, stack: Callable[[], Stack]) -> None:
        self._stack = stack

    @property
    def stack(self) -> Stack:
        """Return what the template describes."""
        return self._stack()

    def name(self, logical: str) -> str:
        """See `Cloud.name`."""
        return named(self.stack, logical)

    def client(self, service: str) -> Any:
        """Return a boto3 client as the code under test makes them."""
        import boto3

        return boto3.client(service, region_name=self.stack.region)


def named(stack: Stack, logical: str) -> str:
    """Return the physical name of a resource or function. Raises `Invalid` for one that there is not."""
    found = stack.resources.get(logical) or stack.functions.get(logical)
    if found is None:
        raise unknown("the template has no resource", logical, [*stack.resources, *stack.functions])
    return found.name
