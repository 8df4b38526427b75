"""Short ways to read a policy against the application of the design's example."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.application import example
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack
from valve_aws.policy import read
from valve_aws.text import parse


@pytest.fixture(scope="session")
def app() -> Stack:
    return example()


@pytest.fixture
def policy(app: Stack) -> Callable[[str], FlowPolicy]:
    return lambda text: read(parse(text, "valve.yaml"), app, "valve.yaml")


@pytest.fixture
def mistake(policy: Callable[[str], FlowPolicy]) -> Callable[[str], Invalid]:
    def refused(text: str) -> Invalid:
        with pytest.raises(Invalid) as caught:
            policy(text)
        return caught.value

    return refused
