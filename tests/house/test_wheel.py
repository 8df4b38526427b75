"""The wheel that users install: built, laid out in a folder of its own, and run from there.

Knows what has to be inside. Fetches nothing: what it builds and runs with is the running environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.source import PACKAGE, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(ROOT),
        within=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile")
    run(sys.executable, "-m", "pip", "install", *quiet, "--target", str(folder), str(wheel), within=folder)
    return folder


def test_the_wheel_holds_the_package_its_marker_and_its_licence(wheel: Path) -> None:
    held = names(wheel)
    assert {f"{PACKAGE}/__init__.py", f"{PACKAGE}/py.typed"} <= held
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)


def test_the_wheel_holds_every_shim_and_nothing_else_of_the_checkout(wheel: Path) -> None:
    held = names(wheel)
    assert {n for n in held if n.startswith(f"{PACKAGE}/_shims/")} == {
        f"{PACKAGE}/_{path}" for path in shims()
    }
    assert {n.partition("/")[0].rpartition(".")[2] for n in held} == {PACKAGE, "dist-info"}


def test_the_wheel_runs_from_where_it_is_installed(installed: Path) -> None:
    said = run(sys.executable, "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)", within=installed)
    assert Path(said.strip()) == installed / PACKAGE / "__init__.py"
    if (ROOT / PACKAGE / "cli.py").exists():
        assert_the_command_works(installed)


def assert_the_command_works(installed: Path) -> None:
    """Run the `valve` of this installation; a real `valve local invoke` belongs here too."""
    version = (ROOT / PACKAGE / "__init__.py").read_text().partition('__version__ = "')[2].partition('"')[0]
    assert version in run(sys.executable, str(installed / "bin" / "valve"), "--version", within=installed)


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def shims() -> set[str]:
    """Paths of the checkout's shims, as git would carry them."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "shims", within=ROOT)
    return {path for path in listed.splitlines() if (ROOT / path).exists()}


def run(*command: str, within: Path) -> str:
    """Run with `within` first on the import path; return stdout, or fail with all that was said."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VALVE_"))}
    ran = subprocess.run(
        command,
        cwd=within,
        env=environ | {"PYTHONPATH": str(within)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, (
        f"`{' '.join(command)}` ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    )
    return ran.stdout
