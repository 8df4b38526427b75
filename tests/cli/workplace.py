"""A user's project with one template, and the command run in it: what it printed, and what it left behind.

Knows the command line from outside. Does not know how anything is done.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from valve_aws.cli import valve

ROOT = Path(__file__).resolve().parents[2]

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Colour: {Type: String, Default: blue}
Globals: {Function: {Runtime: python3.11, Handler: index.handler, Timeout: 20}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {STAGE: !Ref Stage, COLOUR: !Ref Colour, NAME: nobody, ON: "no"}}
      InlineCode: |
        import os
        def handler(event, context):
            print("a log line")
            told = {k: os.environ.get(k) for k in ("STAGE", "COLOUR", "NAME", "ON")}
            return {"event": event, **told}
      Events: {Api: {Type: Api, Properties: {Path: /hello, Method: post}}}
  Table: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: id, Type: String}}}
  Files: {Type: AWS::S3::Bucket}
"""


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str
    left: set[str]
    """Files and folders that were not there before."""


@dataclass
class Workplace:
    """A folder that commands are run in."""

    folder: Path

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def valve(self, *words: str, stdin: bytes = b"") -> Ran:
        """Run `valve …` as a user would."""
        before = self.listing()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "valve_aws.cli", *words],
            input=stdin,
            capture_output=True,
            timeout=110,
            check=False,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode(), self.listing() - before)

    def here(self, *words: str) -> Ran:
        """Run `valve …` in this process: for what ends before anything is started."""
        before = self.listing()
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(valve, words, prog_name="valve")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Ran(done.exit_code, done.stdout, done.stderr, self.listing() - before)

    def invoke(self, *words: str, stdin: bytes = b"") -> Ran:
        """Run `valve local invoke`."""
        return self.valve("local", "invoke", *words, stdin=stdin)

    def listing(self) -> set[str]:
        """Return every file and folder of the project."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
