"""The wheel that users install: built, laid out in a folder of its own, and really run from there.

Knows what has to be inside. Fetches nothing: what it builds and runs with is the running environment.
"""

from __future__ import annotations

import json
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


def test_the_wheel_holds_every_shim_the_attack_kit_and_nothing_else_of_the_checkout(wheel: Path) -> None:
    held = names(wheel)
    for folder, carried in (("shims", f"{PACKAGE}/_shims"), ("stacks/attacks", f"{PACKAGE}/_attacks")):
        expected = {f"{carried}{path.removeprefix(folder)}" for path in files_of(folder)}
        assert {n for n in held if n.startswith(f"{carried}/")} == expected
    assert {n.partition("/")[0].rpartition(".")[2] for n in held} == {PACKAGE, "dist-info"}


def test_the_wheel_tells_pytest_of_its_plugin(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (told,) = (name for name in file.namelist() if name.endswith(".dist-info/entry_points.txt"))
        assert "[pytest11]\nvalve_aws = valve_aws.pytest_plugin\n" in file.read(told).decode()


def test_the_wheel_runs_from_where_it_is_installed(installed: Path) -> None:
    said = run(sys.executable, "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)", within=installed)
    assert Path(said.strip()) == installed / PACKAGE / "__init__.py"
    version = (ROOT / PACKAGE / "__init__.py").read_text().partition('__version__ = "')[2].partition('"')[0]
    assert f"version {version}" in run(str(installed / "bin" / "valve"), "--version", within=installed)


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Timeout: 30
      Policies: [AmazonS3FullAccess]
      InlineCode: |
        import boto3

        def handler(event, context):
            print("a line of the function")
            boto3.client("s3").put_object(Bucket="files", Key="greeting", Body=b"hello")
            return {"greets": event["name"]}
"""


def test_the_installed_command_runs_a_function_behind_its_walls(installed: Path, tmp_path: Path) -> None:
    """The shims are those of the wheel: the line that made the call is known because they told it."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    ran = subprocess.run(
        [str(installed / "bin" / "valve"), "local", "invoke", "Hello", "-e", "-"],
        input='{"name": "Alice"}',
        cwd=tmp_path,
        env=environ(installed),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"greets": "Alice"}
    assert "a line of the function" in ran.stderr
    records = [json.loads(line) for line in (tmp_path / ".valve" / "audit.jsonl").read_text().splitlines()]
    (put,) = [r for r in records if r["eventName"] == "PutObject" and r["valve"]["verdict"] == "allow"]
    assert put["valve"]["source"] == {"file": "/var/task/index.py", "line": 5, "text": ""}


def test_the_installed_command_attacks_with_the_kit_that_it_carries(installed: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [str(installed / "bin" / "valve"), "attack", "--only", "B01", "--format", "json"],
        cwd=tmp_path,
        env=environ(installed),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [f["state"] for f in json.loads(ran.stdout)["findings"]] == ["held"]


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files_of(folder: str) -> set[str]:
    """Paths of a folder of the checkout, as git would carry them."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", folder, within=ROOT)
    return {path for path in listed.splitlines() if (ROOT / path).exists()}


def environ(installed: Path) -> dict[str, str]:
    """Variables with which only what lies there is found, not this checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VALVE_"))}
    return {**kept, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}


def run(*command: str, within: Path) -> str:
    """Run with `within` first on the import path; return stdout, or fail with all that was said."""
    ran = subprocess.run(
        command,
        cwd=within,
        env=environ(within),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, (
        f"`{' '.join(command)}` ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    )
    return ran.stdout
