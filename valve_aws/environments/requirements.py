"""A `requirements.txt` read strictly: which packages it names, and nothing else.

Knows the lines that pip takes and refuses those that reach beyond packages by name. Does not install
anything. Source: pip, `Requirements File Format`; PEP 508.
"""

from __future__ import annotations

import re

from valve_aws.model.source import Invalid, Where

REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"
    r"(?:\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"(?:\(?\s*(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9._*+!-]+\s*,?\s*)*\)?)\s*"
    r"(?:;[^\\$]*)?"
    r"(?P<hashes>(?:\s+--hash[=\s]sha(?:256|384|512):[0-9a-f]+)*)",
    re.ASCII,
)
"""A package by name, with extras, versions, a marker and hashes."""
WHEEL = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9._,-]*\])?\s*@\s*"
    r"https://[^\s$\\]+\.whl(?:#[^\s$\\]*)?(?:\s*;[^\\$]*)?",
    re.ASCII,
)
"""A wheel at an address."""
LONGEST = 1024 * 1024
LONGEST_LINE = 16 * 1024


def read(text: str, file: str) -> str:
    """Return the requirements as lines for pip, comments and empty lines left out; "" when there are none.

    Raises Invalid with file:line for options (`-r`, `--index-url` …), folders, local files and repositories.
    """
    if len(text) > LONGEST:
        raise Invalid(Where(file), "`requirements.txt` is larger than 1 MiB", "name packages, one a line")
    kept = []
    for line, requirement in _joined(text):
        short = len(requirement) < LONGEST_LINE
        if short and (REQUIREMENT.fullmatch(requirement) or WHEEL.fullmatch(requirement)):
            kept.append(requirement)
            continue
        where = Where(file, line)
        if requirement.startswith("-"):
            raise Invalid(
                where,
                f"the option `{requirement.split()[0].partition('=')[0]}` is not taken here",
                "name packages, one a line, or build first (`sam build`) and run what was built",
            )
        raise Invalid(
            where,
            f"`{requirement[:80]}` is not a package by name",
            "folders, local files and repositories are not installed; build first (`sam build`)",
        )
    return "".join(f"{requirement}\n" for requirement in kept)


def _joined(text: str) -> list[tuple[int, str]]:
    """Return (line number, requirement), continuations joined and comments gone."""
    found: list[tuple[int, str]] = []
    began, held = 0, ""
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip() if not held else f"{held} {raw.strip()}"
        began = began if held else number
        line = " ".join(re.sub(r"(^|\s)#.*$", "", line).split())
        if line.endswith("\\"):
            held = line[:-1].rstrip()
            continue
        held = ""
        if line.strip():
            found.append((began, line.strip()))
    if held.strip():
        found.append((began, held.strip()))
    return found
