"""Which Python runs which runtime."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from valve_aws.environments import host
from valve_aws.environments.interpreters import Interpreter, Others, distance, nearest
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Code, Function


def python(minor: int, own: bool = False) -> Interpreter:
    return Interpreter(Path(f"/opt/{minor}/bin/python3.{minor}"), (3, minor), Path(f"/opt/{minor}"), own=own)


def near(minors: list[int]) -> Others:
    """A host that has these, as `host.others` tells of them."""

    def others(want: tuple[int, int], limit: int) -> list[Interpreter]:
        found = [python(minor) for minor in minors if distance((3, minor), want) < limit]
        return sorted(found, key=lambda each: distance(each.version, want))

    return others


def function(runtime: str) -> Function:
    return Function("Fn", "fn", "arn", "app.handler", runtime, Code(inline=""))


@pytest.mark.parametrize(
    ("runtime", "own", "others", "chosen"),
    [
        ("python3.12", 12, [11, 13], 12),
        ("python3.12", 11, [12, 13], 12),
        ("python3.9", 12, [11, 13], 11),
        ("python3.9", 11, [], 11),
        ("python2.7", 13, [11, 12], 11),
        ("python3.14", 11, [12, 13], 13),
        ("python3.12", 11, [13], 11),
        ("python3.12", 13, [11], 13),
        ("python3.99", 11, [13, 12], 13),
    ],
)
def test_the_nearest_is_taken_and_our_own_of_two(
    runtime: str, own: int, others: list[int], chosen: int
) -> None:
    found, line = nearest(function(runtime), python(own, own=True), near(others))
    assert found.version == (3, chosen)
    assert bool(line) == (runtime != f"python3.{chosen}")
    if line:
        assert line == f"Fn: {runtime} is not on this host, python3.{chosen} runs it"


def test_nothing_is_looked_for_when_our_own_is_the_one() -> None:
    def never(want: tuple[int, int], limit: int) -> Iterator[Interpreter]:
        raise AssertionError

    assert nearest(function("python3.12"), python(12, own=True), never)[1] == ""


@pytest.mark.parametrize("runtime", ["python", "pythonx", "python3.x"])
def test_what_is_no_python_is_refused_by_name(runtime: str) -> None:
    with pytest.raises(Invalid, match=f"`Fn`: there is no runtime `{runtime}`"):
        nearest(function(runtime), python(11, own=True), near([]))


def test_our_own_is_the_one_below_the_virtual_environment() -> None:
    own = host.own()
    assert own.version == sys.version_info[:2]
    assert own.executable.is_file()
    assert not own.executable.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix


def test_a_probe_tells_version_and_place() -> None:
    own = host.own()
    found = host.probe(own.executable)
    assert found
    assert (found.version, found.prefix, found.executable) == (own.version, own.prefix, own.executable)


def test_what_does_not_start_is_no_interpreter(tmp_path: Path) -> None:
    fake = tmp_path / "python3.12"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    assert host.probe(fake) is None
    assert host.probe(tmp_path / "python3.13") is None


def test_interpreters_that_claim_a_version_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "python3.79"
    stub.write_text(f'#!/bin/sh\nexec {host.own().executable} "$@"\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(host.others((3, 79), 2)) == []


def test_nothing_is_started_that_is_no_nearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("python3.78", "python3.77"):
        (tmp_path / name).write_text(f"#!/bin/sh\n: > {tmp_path}/started-{name}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(host.others((3, 79), 2)) == []
    assert [path.name for path in tmp_path.glob("started-*")] == ["started-python3.78"]
