"""The line that a function names as where it called: looked up among its own files, believed nowhere else.

Knows what a function may write there. Does not know how it comes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from valve_aws import application
from valve_aws.model.call import Evidence
from valve_aws.running.quoting import LARGEST, Quoting
from valve_aws.settings import Settings

TEMPLATE = """
Resources:
  Worker:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.11, Handler: app.handler, Code: src}
"""


@pytest.fixture
def quoting(tmp_path: Path) -> Quoting:
    (tmp_path / "src/inner").mkdir(parents=True)
    (tmp_path / "src/app.py").write_text("first\n  second()  \n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "secret.txt").write_text("secret\n")
    (tmp_path / "src/link.py").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "src/large.py").write_bytes(b"x" * (LARGEST + 1))
    stack, _ = application.read(Settings(template=tmp_path / "template.yaml"), lambda _: None)
    return Quoting(stack)


def test_a_line_of_its_own_files_is_shown_as_people_find_it(quoting: Quoting) -> None:
    assert quoting.quote("Worker", "/var/task/app.py", 2) == Evidence("src/app.py", 2, "second()")
    assert quoting.quote("Worker", "/var/task/app.py", 3) == Evidence("src/app.py", 3, "")
    assert quoting.quote("Worker", "/var/task/app.py", 0) == Evidence("src/app.py", 0, "")


@pytest.mark.parametrize(
    "file",
    [
        "/etc/hostname", "/var/task/../secret.txt", "/var/task//etc/hostname", "/var/task/link.py",
        "/var/task/large.py", "/var/task/inner", "/var/task/absent.py", "/var/task/a\0b",
        "/var/task/" + "n" * 300,
    ],
)  # fmt: skip
def test_whatever_else_it_names_is_shown_as_it_was_said_and_opens_nothing(
    quoting: Quoting, file: str
) -> None:
    assert quoting.quote("Worker", file, 1) == Evidence(file, 1)
