"""A template that is up, and this process's AWS clients pointed at it.

Knows which variables an AWS client reads. Does not know what is done with one.
"""

from __future__ import annotations

from typing import Any

import pytest

from valve_aws.pytest_plugin.cloud import Cloud
from valve_aws.pytest_plugin.host import NOWHERE, service_endpoints

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


class ValveStack:
    """The stack of one test. What its clients write is the test's own: labelled, never judged."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._patch = pytest.MonkeyPatch()
        key = cloud.key
        for name in (*UNSET, *service_endpoints()):
            self._patch.delenv(name, raising=False)
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
            self._patch.setenv(name, value)

    @property
    def url(self) -> str:
        """Return where the stack answers."""
        return self._cloud.url

    def name(self, logical: str) -> str:
        """Return the physical name of a resource or function. Raises `Invalid` for one that there is not."""
        return self._cloud.name(logical)

    def client(self, service: str, **more: Any) -> Any:
        """Return a boto3 client; `more` is what `boto3.client` takes."""
        return self._cloud.client(service, **more)

    def resource(self, service: str, **more: Any) -> Any:
        """Return a boto3 resource."""
        return self._cloud.resource(service, **more)

    def release(self) -> None:
        """Give this process its own environment back."""
        self._patch.undo()
