"""The plugin's sample of an endpoint, on the LocalStack that its user's variables name.

Knows a test run from outside. Does not know the plugin.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.localstack.conftest import LocalStack
from tests.pytest_plugin.conftest import Project, installed
from tests.pytest_plugin.test_samples import reads_more, samples

__all__ = ["installed", "samples"]


def test_the_sample_runs_where_the_variables_say_in_the_account_of_the_key(
    localstack: LocalStack, samples: Path, installed: Path
) -> None:
    account = str(secrets.randbelow(9 * 10**11) + 10**11)
    project = Project(samples / "endpoint", installed)
    told = {"AWS_ENDPOINT_URL": localstack.url, "AWS_ACCESS_KEY_ID": account}
    code, out = project.pytest(**told)
    assert code == 0, out
    (table,) = localstack.client("dynamodb", account=account).list_tables()["TableNames"]
    assert "customers" in table
    reads_more(samples)
    code, out = project.pytest(**told)
    assert code == 1, out
    assert "Welcome" in out
    assert "sqs:SendMessage" in out
