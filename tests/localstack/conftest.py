"""A real LocalStack for every test here: the one that `make localstack` has started.

Knows how it is found, and what to say when it is not there. Does not know what is tried on it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.house.source import ROOT
from tests.localstack.server import Home, found, launch, stop
from tests.stories.world import free_port

if TYPE_CHECKING:
    from tests.localstack.town import Town

pytest.register_assert_rewrite(
    "tests.attacks.claims", "tests.stories.test_journey", "tests.stories.test_links"
)

HOME = Home(Path(os.environ.get("VALVE_LOCALSTACK_HOME") or ROOT / ".localstack"))
VERSION = "4.14"
MISSING = "no LocalStack runs here: `make localstack` installs and starts one (once; Python 3.12 or 3.13)"


class Together(LoadScopeScheduling):
    """Gives tests that run side by side to their workers by what takes long to make: a module's, and all of
    the town's, each to one."""

    def _split_scope(self, nodeid: str) -> str:
        module: str = super()._split_scope(nodeid)
        return "town" if "/test_front_" in module else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Use it for `--dist loadscope`."""
    return Together(config, log) if config.option.dist == "loadscope" else None


@dataclass(frozen=True)
class LocalStack:
    """One that runs. `url` is where; `python` is the interpreter that it is installed for."""

    url: str
    python: Path
    clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "us-east-1", account: str = "000000000000") -> Any:
        """Return a client of the operator's; LocalStack takes a key of twelve digits for an account."""
        if (service, region, account) not in self.clients:
            import boto3
            from botocore.config import Config

            self.clients[service, region, account] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=account,
                aws_secret_access_key="testing",
                config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
            )
        return self.clients[service, region, account]


@pytest.fixture(scope="session")
def localstack() -> LocalStack:
    """The LocalStack that runs in `.localstack`, or in the folder that `VALVE_LOCALSTACK_HOME` names."""
    there = found(HOME)
    if there is None:
        pytest.exit(MISSING, returncode=pytest.ExitCode.USAGE_ERROR)
    with urllib.request.urlopen(f"{there['url']}/_localstack/health", timeout=10) as reply:
        version = json.load(reply)["version"]
    assert version.startswith(VERSION), (
        f"{there['url']} is LocalStack {version}; these tests are for {VERSION}"
    )
    found_one = LocalStack(there["url"], Path(there["python"]))
    found_one.client("sts").get_caller_identity()  # Why: its first call makes the catalog that others copy
    return found_one


@contextlib.contextmanager
def another(localstack: LocalStack, home: Path, port: int = 0, **settings: str) -> Iterator[LocalStack]:
    """Run one more, empty and in a folder of its own, from the same installation."""
    at = Home(home)
    for made in HOME.catalogs():  # Why: to make one anew takes ten seconds of a processor
        (at.cache / made.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(made, at.cache / made.name)
    launch(at, localstack.python, port or free_port(), settings)
    told = found(at)
    assert told is not None
    try:
        yield LocalStack(told["url"], localstack.python)
    finally:
        stop(at, patience=0)


@pytest.fixture(scope="session")
def empty(localstack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One that holds nothing from another run, for what must find its stores empty."""
    bare = {"LAMBDA_RUNTIME_EXECUTOR": "docker"}  # Why: here LocalStack is the cloud and runs nothing
    with another(localstack, tmp_path_factory.mktemp("localstack"), **bare) as started:
        yield started


@pytest.fixture(scope="session")
def town(localstack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The functions that a LocalStack runs through us, each with what wakes it, in `audit` at first.

    Why one of its own: what it deploys would be there already the next time that tests are run.
    """
    from tests.localstack.town import built

    folder = tmp_path_factory.mktemp("town")
    with another(localstack, folder) as started:
        yield built(started, Home(folder).policy)
