"""Every class of attack has its test, and the page of threats names it.

Knows ids, files and the page. Does not run an attack.
"""

from __future__ import annotations

import re

from tests.house.source import ROOT
from valve_aws.attack.attack import IDENTS
from valve_aws.attack.files import kit
from valve_aws.attack.table import ATTACKS

IDS = frozenset(IDENTS)
FOLDER = ROOT / "tests" / "attacks"


def files() -> dict[str, str]:
    """Id → name of its file."""
    return {path.name[5:8].upper(): path.name for path in FOLDER.glob("test_*.py")}


def test_every_class_has_its_test() -> None:
    assert set(files()) == IDS


def test_every_row_of_the_table_has_its_code_and_its_test() -> None:
    for ident in ATTACKS:
        assert (kit() / "src" / f"{ident}.py").is_file(), ident
        assert ident.upper() in files(), ident


def test_the_page_of_threats_names_each_test_in_its_row() -> None:
    page = (ROOT / "docs" / "THREATS.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([A-F]\d\d) \|(.*)\|$", page, re.MULTILINE))
    unnamed = {ident for ident, name in files().items() if f"tests/attacks/{name}" not in rows[ident]}
    assert not unnamed
