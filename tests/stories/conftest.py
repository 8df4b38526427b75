"""Fixtures of the stories: real commands against a real moto."""

from __future__ import annotations

import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from world import STACKS, World, moto, partner


@pytest.fixture
def stage(tmp_path: Path) -> Callable[[str], World]:
    """Return a function that copies a stack to a folder of its own, as a user's project."""

    def copied(name: str) -> World:
        folder = tmp_path / name
        shutil.copytree(STACKS / name, folder, ignore=shutil.ignore_patterns(".valve", "__pycache__"))
        return World(folder)

    return copied


@pytest.fixture
def laid(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Return a function that writes the files of a project and returns its template."""

    def written(files: dict[str, str]) -> Path:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)
        return tmp_path / "template.yaml"

    return written


@pytest.fixture(scope="session")
def standing() -> Iterator[str]:
    """One moto for all stories."""
    with moto() as url:
        yield url


@pytest.fixture
def cloud(standing: str) -> str:
    """A cloud that holds nothing."""
    urllib.request.urlopen(f"{standing}/moto-api/reset", b"", timeout=60).close()
    return standing


@pytest.fixture
def stub() -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    with partner() as served:
        yield served
