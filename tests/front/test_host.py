"""Where a valve that LocalStack loads writes.

Knows settings from the environment, and files. Does not know LocalStack.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from valve_aws.localstack import host
from valve_aws.model.source import Invalid

WHO = ("http://127.0.0.1:4566", "000000000000", "us-east-1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody else's, which the process is started in."""
    for variable in ("VALVE_POLICY", "VALVE_MODE", "VALVE_AUDIT", "VALVE_LABELS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".valve").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["audit.jsonl", "labels.db"])
def test_what_is_written_into_a_folder_goes_by_no_link(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    assert host.settings(*WHO).audit == folder / ".valve" / "audit.jsonl"
    (folder / ".valve" / name).symlink_to(tmp_path_factory.mktemp("home") / ".profile")
    with pytest.raises(Invalid, match="it is a link"):
        host.settings(*WHO)


def test_where_it_is_told_to_write_it_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "link").symlink_to(folder)
    monkeypatch.setenv("VALVE_AUDIT", str(folder / "link" / "records"))
    assert host.settings(*WHO).audit == folder / "link" / "records"


def test_what_is_shown_to_the_operator_takes_the_place_of_a_link(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.write_text("theirs")
    (folder / ".valve" / "shown.json").symlink_to(elsewhere)
    kept = host.keep(host.settings(*WHO), "shown.json", "ours")
    assert (kept.read_text(), elsewhere.read_text()) == ("ours", "theirs")
