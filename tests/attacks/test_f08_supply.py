"""F08: What the guard is given to work with: a policy that is not the operator's, modules that a zygote has.

Knows where a hostile package can put things. Does not know how the guard finds what it uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.attacks.residue import POLICY, Send, played
from valve_aws.valve import Valve

SHADOWS = {
    "the sdk": {"boto3": "OWN = 1"},
    "what the sdk needs": {"jmespath": "OWN = 1", "six": "OWN = 1", "urllib3": "OWN = 1"},
    "the library": {"queue": "OWN = 1", "ssl": "OWN = 1", "uuid": "OWN = 1"},
    "the walls": {"valve_aws": "OWN = 1", "_valve_zygote": "OWN = 1", "_valve_ahead": "OWN = 1"},
    "what watches calls": {"_valve_evidence": "OWN = 1"},
}
LOOK = """
import importlib
for name in {names}:
    told[name] = [getattr(importlib.import_module(name), "OWN", 0), importlib.import_module(name).__file__]
"""
PRIVILEGE = (
    "told['status'] = open('/proc/self/status').read(); told['map'] = open('/proc/self/uid_map').read()"
)


@pytest.mark.parametrize("what", SHADOWS)
def test_what_a_package_shadows_is_never_what_a_zygote_runs_nor_what_others_get(
    what: str, tmp_path: Path
) -> None:
    """Cold, then forked from a zygote: the function has its own copy both times, behind the same walls."""
    names = list(SHADOWS[what])

    async def life(send: Send, valve: Valve) -> list[dict[str, Any]]:
        told = []
        for number in range(4):
            told.append(await send(f"u{number}", code=LOOK.format(names=names) + PRIVILEGE))
            await valve._housing._nursery.grown()
        assert valve._housing._nursery._zygotes._grown, "a zygote was to be there for the last one"
        return told

    cold, *_, forked = played(
        tmp_path, life, "never", {f"src/{name}.py": text for name, text in SHADOWS[what].items()}
    )
    for name in names:
        assert cold[name] == forked[name]
        assert forked[name][0] == (0 if name == "_valve_evidence" else 1), "the bootstrap's own comes first"
    for told in (cold, forked):
        status = dict(line.split(":\t", 1) for line in told["status"].splitlines() if ":\t" in line)
        assert status["CapPrm"] == status["CapBnd"] == "0" * 16
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert told["map"].split()[0] == "993"


def test_a_policy_that_the_code_under_test_brings_is_not_the_guard_s(tmp_path: Path) -> None:
    """It lies where a policy is looked for, but in the function's folder; beside the template it counts."""
    closed = POLICY.replace("results: {accepts: [user]}", "results: {accepts: []}")

    async def life(send: Send, valve: Valve) -> dict[str, Any]:
        return await send("mallory", code="told['x'] = 'out'")

    for place, out in (("src/valve.yaml", False), ("valve.yaml", True)):
        folder = tmp_path / place.replace("/", "-")
        folder.mkdir()
        told = played(folder, life, "label", {"valve.yaml": closed, place: POLICY})
        assert (told.get("x") == "out") == out, place
