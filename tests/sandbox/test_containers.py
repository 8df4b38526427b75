"""Sandboxes within containers as their engines make them: what works, and what is said where it does not.

Knows how Docker covers parts of /proc and which capabilities it leaves. Does not need an engine.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.sandbox.scenes import NOBODY, ROOT, SYSTEM_PYTHON, players, reachable
from valve_aws.sandbox.host import OBSTACLES, obstacles

DOCTOR = (
    "import sys; sys.path[:0] = [sys.argv[1]]; from valve_aws import sandbox; found = sandbox.strength(); "
    "print(found.enforced)\n"
    "for what, holds, told in found.checks: print(f'{what}: {holds}: {told}')"
)
COVERED = "mount -t tmpfs none /proc/acpi; mount -o bind,ro /proc/sys /proc/sys; "
NO_GROUPS = "mount -t tmpfs -o ro none /sys/fs/cgroup; "
DOCKERS = (
    "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod"
    " audit_write setfcap"
).split()


def container(
    prepare: str, python: str, checkout: str, *before: str, namespaces: tuple[str, ...] = ("-mpf",)
) -> tuple[bool, str]:
    """Return what a doctor in a container says: enforced, and all its lines."""
    command = prepare + 'exec "$@"'
    argv = ["unshare", *namespaces, "--mount-proc", "sh", "-c", command, "sh", *before, python, "-c", DOCTOR]
    ran = subprocess.run([*argv, checkout], capture_output=True, text=True, timeout=60, check=False)
    enforced, _, told = ran.stdout.partition("\n")
    assert told, ran.stderr
    return enforced == "True", told


def capabilities(*more: str) -> list[str]:
    left = ",".join(f"+{name}" for name in (*DOCKERS, *more))
    return ["setpriv", f"--bounding-set=-all,{left}", "--inh-caps=-all"]


def test_root_in_a_container_with_two_capabilities_more_is_enough() -> None:
    if "root" in players():
        before = capabilities("sys_admin", "net_admin")
        enforced, told = container(COVERED + NO_GROUPS, sys.executable, str(ROOT), *before)
        assert enforced, told
        assert "kernel memory: False: only by 8,192 open descriptors" in told


@pytest.mark.parametrize("missing", [("sys_admin",), ("net_admin",), ()])
def test_root_in_a_container_without_them_is_told_so(missing: tuple[str, ...]) -> None:
    if "root" in players():
        enforced, told = container(COVERED, sys.executable, str(ROOT), *capabilities(*missing))
        assert not enforced
        assert "both (`--cap-add`)" in told


def test_an_ordinary_user_in_a_container_that_covers_proc_is_told_so() -> None:
    if players() == ["root", "user"]:
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        enforced, told = container(COVERED, SYSTEM_PYTHON, str(reachable()), *drop)
        assert not enforced
        assert "systempaths=unconfined" in told


def test_a_root_that_has_no_uid_to_lend_is_told_so() -> None:
    if "root" in players():
        enforced, told = container("", sys.executable, str(ROOT), namespaces=("-Urmpf",))
        assert not enforced
        assert "sandbox: False: cannot lend a uid" in told
        assert "65536 uids" in told


@pytest.mark.parametrize(("what", "path", "values", "meaning"), OBSTACLES)
def test_a_setting_of_the_host_that_stands_in_the_way_is_named_with_its_remedy(
    what: str, path: str, values: str, meaning: str
) -> None:
    told = obstacles(lambda asked: f"{values[0]}\n" if asked == path else "")
    assert told == ((what, False, meaning),)
    assert "`sudo sysctl " in meaning
    other = {"0": "1", "1": "0"}.get(values[0], "1")
    assert obstacles(lambda asked: f"{other}\n" if asked == path else "") == ()
    assert obstacles(lambda asked: "") == ()
