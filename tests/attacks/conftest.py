"""The stage of all attacks of one test run.

Knows how long it lives. Does not know what is played on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.walled import Walled
from tests.deliveries.conftest import installed
from tests.stories.world import STACKS
from valve_aws.attack.stage import Stage

pytest.register_assert_rewrite("tests.attacks.claims", "tests.attacks.residue")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole suite takes minutes: one Python is enough."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try every way of a class of `tests.attacks.residue`."""
    if "way" in metafunc.fixturenames and hasattr(metafunc.cls, "ways"):
        metafunc.parametrize("way", metafunc.cls.ways)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The cloud, the attacker's machines, and a valve for each strength."""
    aged = tmp_path_factory.mktemp("aged")
    (aged / "sdk").symlink_to(installed(str(tmp_path_factory.getbasetemp())))
    (aged / "carried_over.py").symlink_to(STACKS / "deliveries" / "src" / "aged" / "carried_over.py")
    made = Stage(tmp_path_factory.mktemp("stage"), aged)
    made.start()
    yield made
    made.close()


@pytest.fixture
def walled(tmp_path: Path) -> Walled:
    """A function of one file, with and without walls."""
    tmp_path.chmod(0o755)
    return Walled(tmp_path)
