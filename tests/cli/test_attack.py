"""`valve attack`: the kit on this host, and stand-ins in templates: what held, what is allowed, what got out.

Knows the command and its reports. Does not know how an attack is made.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT
from valve_aws import __version__
from valve_aws.attack import run, telling
from valve_aws.attack.finding import Finding, Report, State
from valve_aws.attack.standin import StandIns
from valve_aws.attack.table import ATTACKS
from valve_aws.model.source import Where
from valve_aws.model.verdict import Rule
from valve_aws.settings import Settings

pytestmark = pytest.mark.slow


def attack(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `valve attack …` as a user would."""
    enter = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from valve_aws.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", enter, "attack", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )


def project(tmp_path: Path, stack: str) -> Path:
    """Copy a stack as a user's project."""
    folder = tmp_path / stack
    shutil.copytree(ROOT / "stacks" / stack, folder, ignore=shutil.ignore_patterns(".valve", "__pycache__"))
    return folder


def states(told: dict[str, Any], state: State) -> set[tuple[str, str, int]]:
    """Return (function, title, line of the policy) of the findings of one state."""
    return {
        (f["function"], f["title"], f.get("where", {}).get("line", 0))
        for f in told["findings"]
        if f["state"] == state
    }


def test_on_this_host_each_class_leaks_unguarded_and_is_held(tmp_path: Path) -> None:
    done = attack(tmp_path, "--only", "A02,B01", "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {f["rule"]: f["state"] for f in told["findings"]} == {"A02": "held", "B01": "held"}
    assert "valve: 2/2 B01 held" in done.stderr
    assert any("`aged`" in each for each in told["unread"]), "what is not tried is not taken for held"
    assert list(tmp_path.iterdir()) == []


def test_in_the_orders_stack_only_what_the_policy_says_goes_through(tmp_path: Path) -> None:
    families = ("--only", "hosts,results,behind")
    done = attack(project(tmp_path, "orders"), "-t", "template.yaml", *families, "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(told, State.OUT) == set()
    assert states(told, State.ALLOWED) == {("Notify", "POST https://mail.partner.test/probe", 10)}
    held = {f["function"] for f in told["findings"] if f["state"] == State.HELD}
    assert held == {"Checkout", "Invoice", "Renderer", "Notify", "Anonymise", "Report"}
    assert states(told, State.UNSHOWN) == set()


def test_in_the_journey_stack_a_sarif_report_says_where_each_way_is_allowed(tmp_path: Path) -> None:
    folder = project(tmp_path, "journey")
    done = attack(folder, "-t", "template.yaml", "--format", "sarif", "-o", "attack.sarif")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    log = json.loads((folder / "attack.sarif").read_text())
    assert_sarif(log)
    results = log["runs"][0]["results"]
    allowed = {
        place["physicalLocation"]["region"]["startLine"]
        for result in results
        for place in result.get("locations", ())
    }
    assert allowed == {7, 8, 10, 11}
    assert {result["kind"] for result in results} == {"pass", "informational"}


def test_what_an_open_line_lets_out_to_the_attacker_is_named_and_ends_with_1(tmp_path: Path) -> None:
    folder = project(tmp_path, "journey")
    policy = folder / "valve.yaml"
    closed, opened = '"https://partner.test/*": {accepts: []}', '"https://*/*": {accepts: [pii]}'
    assert closed in policy.read_text()
    policy.write_text(policy.read_text().replace(closed, opened))
    done = attack(folder, "-t", "template.yaml", "--only", "hosts")
    assert done.returncode == 1, done.stdout + done.stderr
    out = [line for line in done.stdout.splitlines() if "got out, valve.yaml:9:" in line]
    assert len(out) == 3, done.stdout
    assert all("POST https://attackers.test/" in line and "✗" in line for line in out)


def test_in_audit_everything_gets_out_and_the_mode_is_blamed(tmp_path: Path) -> None:
    done = attack(project(tmp_path, "journey"), "-t", "template.yaml", "--only", "hosts", "--mode", "audit")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "got out: mode `audit` refuses nothing" in done.stdout


def test_a_hole_in_the_judgement_would_be_found(tmp_path: Path) -> None:
    """What is allowed is read off the policy once more, so a judgement that lets too much pass shows."""
    told = Settings(template=project(tmp_path, "journey") / "template.yaml")
    home = tmp_path / "home"
    home.mkdir()
    findings = StandIns(home, told, frozenset({"hosts"}), print, frozenset({"accepts"})).run()
    out = {(f.function, f.title, f.text) for f in findings if f.state is State.OUT}
    way, why = "POST https://partner.test/probe", "nothing in the policy lets it"
    assert out == {(function, way, why) for function in ("Lookup", "Keep", "Share")}


def test_what_was_stopped_by_something_else_is_not_taken_for_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ATTACKS["b01"]
    other = replace(row, exits=tuple(replace(exit_, rule=Rule.CREDENTIAL) for exit_ in row.exits))
    monkeypatch.setattr(run, "ATTACKS", {"b01": other})
    report = run.on_host(tmp_path, "", lambda _: None)
    assert [f.state for f in report.findings] == [State.UNSHOWN]
    assert "valve:Visit" in report.findings[0].text
    assert report.code == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "Z99"), "--only: there is no class of attack `z99`; see `valve attack --list`"),
        (("--only", "hosts"), "--only: there is no class of attack `hosts`; add `-t template.yaml`"),
        (("-t", "nowhere.yaml"), "nowhere.yaml: there is no such template"),
        (("-o", "no/such/folder"), "--output: `no/such/folder` cannot be written"),
    ],
    ids=["only", "way out", "template", "output"],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = attack(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"valve: {told}")
    assert done.stderr.count("\n") == 1


def test_what_can_be_tried_is_listed_and_nothing_is_run(tmp_path: Path) -> None:
    done = attack(tmp_path, "--list")
    assert done.returncode == 0
    assert "A01  writes to somebody else's stores" in done.stdout
    assert "hosts" in done.stdout


HOSTILE = "Cu\x1b[31mst\n::error::omers"
REPORT = Report(
    (
        Finding("stores", HOSTILE, State.OUT, HOSTILE, Where(HOSTILE, 3, 4), HOSTILE, HOSTILE),
        Finding("stores", "held", State.HELD, "stopped", function=HOSTILE, source="x"),
    ),
    {"stores": "stores"},
    (HOSTILE,),
    (HOSTILE,),
)


@pytest.mark.parametrize("form", telling.FORMS)
def test_no_report_can_act_on_a_terminal_or_a_runner(form: str) -> None:
    told = telling.FORMS[form](REPORT, __version__)
    assert "\x1b" not in told
    assert not any(line.lstrip().startswith("::") for line in told.splitlines())


def test_a_report_in_sarif_has_what_the_standard_asks_for() -> None:
    log = json.loads(telling.sarif(REPORT, __version__))
    assert_sarif(log)
    out, held = log["runs"][0]["results"]
    assert (out["kind"], out["level"]) == ("fail", "error")
    assert (held["kind"], held["level"]) == ("pass", "none")


def assert_sarif(log: dict[str, Any]) -> None:
    """Hold a log to the members that SARIF 2.1.0 requires, and to its words (§3.13 to §3.31)."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert all(isinstance(i["executionSuccessful"], bool) for i in run["invocations"])
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["kind"] in {"pass", "open", "informational", "notApplicable", "review", "fail"}
        assert (result["level"] == "none") == (result["kind"] != "fail")
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for place in result.get("locations", ()):
            assert place["physicalLocation"]["artifactLocation"]["uri"]
            assert place["physicalLocation"]["region"]["startLine"] >= 1
