"""Fixtures of the command line's tests: a project in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.workplace import TEMPLATE, Workplace


@pytest.fixture
def project(tmp_path: Path) -> Workplace:
    folder = tmp_path / "shop"
    folder.mkdir()
    made = Workplace(folder)
    made.write("template.yaml", TEMPLATE)
    return made
