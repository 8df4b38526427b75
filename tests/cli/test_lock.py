"""`valve lock`: its exit codes and its file, over records that a run left.

Knows the command from outside. Does not make the records; `tests/stories/test_dependency.py` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from valve_aws.audit import encode
from valve_aws.model.call import Evidence
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode

if TYPE_CHECKING:
    from tests.cli.workplace import Workplace


def recorded(project: Workplace, *functions: str) -> None:
    records = (
        Record(
            f"r-{name}", "2026-11-29T00:00:00Z", "s3", "ListBuckets", "us-east-1", "123456789012", "allow",
            Mode.AUDIT, name, f"{name}-1", "i-1", evidence=Evidence("src/app.py", 3, "s3.list_buckets()"),
        )
        for name in functions
    )  # fmt: skip
    project.write(".valve/audit.jsonl", "".join(f"{encode(record)}\n" for record in records))


def test_check_tells_what_is_new_with_1_and_update_takes_it_in(project: Workplace) -> None:
    recorded(project, "Hello")
    assert project.here("lock", "update").left == {"valve.lock"}
    assert project.here("lock", "check").code == 0
    recorded(project, "Other")
    ran = project.here("lock", "check")
    assert ran.code == 1
    assert "  + Other s3:ListBuckets - aws\n      called src/app.py:3  s3.list_buckets()" in ran.out
    assert "  - Hello s3:ListBuckets - aws    valve.lock:5:1" in ran.out
    assert project.here("lock", "update").code == project.here("lock", "check").code == 0
    assert (project.folder / "valve.lock").read_text().count("ListBuckets") == 2
    assert project.here("lock", "rewrite").code == project.here("lock", "check").code == 0
    assert (project.folder / "valve.lock").read_text().count("ListBuckets") == 1


@pytest.mark.parametrize(
    ("lock", "records", "told"),
    [
        (None, True, "there is no lockfile; make one with `valve lock update`"),
        ("version 1\n", False, "there are no records"),
        ("version 1\nHello s3 x\n", True, "valve.lock:2:11: 3 words"),
    ],
)
def test_a_mistake_gives_2_and_says_where(
    lock: str | None, records: bool, told: str, project: Workplace
) -> None:
    if lock is not None:
        project.write("valve.lock", lock)
    if records:
        recorded(project, "Hello")
    ran = project.here("lock", "check")
    assert (ran.code, ran.out, ran.left) == (2, "", set())
    assert told in ran.err
