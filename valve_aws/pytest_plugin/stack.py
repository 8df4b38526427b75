"""A template that is up, and this process's AWS clients pointed at it.

Knows for how long. Does not know what is done with them.
"""

from __future__ import annotations

from typing import Any

import pytest

from valve_aws.pytest_plugin.cloud import Cloud, point


class ValveStack:
    """The stack of one test. What its clients write is the test's own: labelled, never judged."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._patch = pytest.MonkeyPatch()
        point(self._patch, cloud)

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
