"""LocalStack's pattern: an endpoint that runs already, named by a variable."""

import os

import pytest


@pytest.fixture(scope="session")
def valve_backend():
    """Where it answers; `localstack` is where its variables say, else http://127.0.0.1:4566."""
    return os.environ.get("STAGE_ENDPOINT") or "localstack"


@pytest.fixture
def dynamodb(valve_stack):
    return valve_stack.client("dynamodb")
