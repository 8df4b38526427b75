"""One application for the tests of a module, at the beginning of a run for each.

Knows that a module has its files in `FILES`. Does not know what its tests show.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.triggers.ground import Ground
from valve_aws.backend import Standing


@pytest.fixture(scope="module")
def application(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    cloud = Standing()
    folder = tmp_path_factory.mktemp(request.module.__name__.rpartition("_")[2])
    with Ground(folder, request.module.FILES, cloud) as ground:
        yield ground
    cloud.end()


@pytest.fixture
def ground(application: Ground) -> Ground:
    application.call(application.valve.renew())
    application.lines.clear()
    application.said.clear()
    return application
