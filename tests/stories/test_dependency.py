"""A package is raised to a version that talks: what the guard says of it, and what `valve.lock` does."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from world import World

pytestmark = pytest.mark.slow

Stub = tuple[int, list[tuple[str, bytes]]]

WRAPPER = """#!/bin/sh
"$1" -S -c "import site; site.addsitedir('/var/task/vendor')"
exec "$@"
"""


def bumped(world: World) -> World:
    """Put the new version of the package in the place of the old one."""
    shutil.rmtree(world.folder / "src" / "vendor")
    shutil.copytree(world.folder / "bumped", world.folder / "src" / "vendor")
    return world


def to(stub: Stub) -> list[str]:
    return ["--resolve", f"models.tablely.test=127.0.0.1:{stub[0]}"]

MODES = [("off", 0, True), ("audit", 0, True), ("enforce", 3, False)]


@pytest.mark.parametrize(("mode", "code", "arrives"), MODES)
def test_a_pth_that_posts_the_environment_leaks_with_the_guard_off_and_is_refused_enforced(
    mode: str, code: int, arrives: bool, stage: Callable[[str], World], stub: Stub
) -> None:
    """It runs before anything of the package is imported, in a child that has no shim."""
    world = bumped(stage("dependency"))
    ran = world.invoke("Monthly", "--mode", mode, *to(stub))
    assert (ran.code, ran.result) == (code, {"lines": 2}), ran.err
    assert [path for path, _ in stub[1]] == ["/collect"] * arrives
    assert all(b"AWS_SECRET_ACCESS_KEY=" in body for _, body in stub[1])
    assert ("https://models.tablely.test/collect" in ran.err) == (mode != "off")


@pytest.mark.parametrize("first", [False, True], ids=["from the handler's module", "before the runtime"])
def test_in_audit_it_is_a_red_line_against_the_lockfile_that_is_in_git(
    first: bool, stage: Callable[[str], World], stub: Stub
) -> None:
    world = stage("dependency")
    assert world.invoke("Monthly", "--mode", "audit").code == 0
    assert (world.valve("lock", "check").code, world.valve("lock", "check").out) == (0, ""), "the honest twin"
    bumped(world)
    if first:
        (world.folder / "src" / "start").write_text(WRAPPER)
        (world.folder / "src" / "start").chmod(0o755)
        template = world.folder / "template.yaml"
        own = "Variables: {AWS_LAMBDA_EXEC_WRAPPER: /var/task/start, "
        template.write_text(template.read_text().replace("Variables: {", own))
    assert world.invoke("Monthly", "--mode", "audit", *to(stub)).code == 0
    assert {path for path, _ in stub[1]} == {"/collect"}
    ran = world.valve("lock", "check")
    assert ran.code == 1
    assert [line for line in ran.out.splitlines() if line.startswith("  +")] == [
        "  + Monthly visit /collect https://models.tablely.test"
    ]
    before = (world.folder / "valve.lock").read_text()
    assert world.valve("lock", "update").code == 0
    after = (world.folder / "valve.lock").read_text()
    assert set(after.splitlines()) - set(before.splitlines()) == {
        "Monthly visit /collect https://models.tablely.test"
    }
    assert world.valve("lock", "check").code == 0
