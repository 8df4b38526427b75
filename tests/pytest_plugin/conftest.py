"""A project of somebody's with tests of its own, run by a pytest of its own with the plugin installed.

Knows how a user's project lies on disk. Does not know what its tests show.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 30
      Environment: {Variables: {CUSTOMERS: !Ref Customers, JOBS: !Ref Jobs}}
      Policies:
        - DynamoDBReadPolicy: {TableName: !Ref Customers}
        - SQSSendMessagePolicy: {QueueName: !GetAtt Jobs.QueueName}
  Customers:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: id, Type: String}}
  Jobs:
    Type: AWS::SQS::Queue
"""

CODE = """
import json
import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["CUSTOMERS"])
SQS = boto3.client("sqs")


def handler(event, context):
    print(event.get("say", "working"))
    customer = TABLE.get_item(Key={"id": event.get("id", "c1")}).get("Item", {})
    if event.get("after"):
        print(event["after"])
    if event.get("leak"):
        try:
            SQS.send_message(QueueUrl=os.environ["JOBS"], MessageBody=json.dumps(customer))
        except Exception:
            pass
    return {"ok": True, "found": sorted(customer)}
"""

POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores:
  Customers: {attributes: {email: [pii/email]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""

SEED = """
Customers: [{id: c1, email: alice@example.org}]
"""

FILES = {"template.yaml": TEMPLATE, "src/app.py": CODE, "valve.yaml": POLICY, "seed.yaml": SEED}


ALONE = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""Why without hypothesis, which is installed for these tests here: every process would load it first, for as
long as all else takes."""


@dataclass(frozen=True)
class Project:
    """A folder, and the pytest that is run in it."""

    folder: Path
    installed: Path

    def write(self, **files: str) -> None:
        """Write files; `__` in a name is a folder's end, and `.py` is added where there is no ending."""
        for name, content in files.items():
            path = self.folder / name.replace("__", "/")
            path = path if path.suffix else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def pytest(self, *words: str, **environ: str) -> tuple[int, str]:
        """Run pytest there; return its exit code and what it printed."""
        ran = self.process(*words, **environ)
        out, _ = ran.communicate(timeout=110)
        return ran.returncode, out

    def process(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start pytest there."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTEST_", "VALVE_", "GITHUB_"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *ALONE, *words],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), str(self.installed)]), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def install(folder: Path) -> Path:
    """Write what an installation leaves beside the package for pytest to find: the entry points of
    pyproject."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = folder / "valve_aws-0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: valve-aws\nVersion: 0\n")
    rows = [f"{name} = {where}" for name, where in project["entry-points"]["pytest11"].items()]
    (told / "entry_points.txt").write_text("\n".join(["[pytest11]", *rows, ""]))
    return folder


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plugin is installed."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def project(tmp_path: Path, installed: Path) -> Project:
    """A project with a template, a policy, a seed and a function that leaks when told to."""
    made = Project(tmp_path, installed)
    made.write(**{"pytest.ini": "[pytest]\n"})
    for name, content in FILES.items():
        made.write(**{name: content})
    return made
