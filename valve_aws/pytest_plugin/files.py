"""Where a test's template and policy lie.

Knows markers, options, the ini file and folders. Does not know what is in the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from valve_aws.model.source import Invalid, Where

TEMPLATES = ("template.yaml", "template.yml", "template.json")
POLICIES = ("valve.yaml",)


def template_of(node: pytest.Item, config: pytest.Config) -> Path:
    """Return the template of a test: of its marker, of the ini file, else the nearest upwards. Raises
    `Invalid`."""
    if told := _told(node, "template", config, None, "valve_template"):
        return told
    found = nearest(node.path.parent, config.rootpath, TEMPLATES)
    if found is None:
        raise Invalid(
            Where(str(node.path)),
            f"no {', '.join(TEMPLATES[:2])} or {TEMPLATES[2]} from here up to `{config.rootpath}`",
            "put one there, or name it with the ini option `valve_template`",
        )
    return found


def policy_of(node: pytest.Item, config: pytest.Config) -> Path | None:
    """Return the policy of a test; None: the template knows, or there is none. Raises `Invalid`."""
    told = _told(node, "policy", config, "--valve-policy", "valve_policy")
    return told or nearest(node.path.parent, config.rootpath, POLICIES)


def mode_of(node: pytest.Item, config: pytest.Config) -> str:
    """Return the mode of a test; "": the policy says. Raises `Invalid`."""
    mode = str(marked(node, "mode") or config.getoption("--valve-mode") or "")
    if mode not in {"", "enforce", "audit", "off"}:
        raise Invalid(Where(str(node.path)), f"`{mode}` is no mode", "say `enforce`, `audit` or `off`")
    return mode


def application_of(node: pytest.Item, config: pytest.Config) -> tuple[Path, Path | None, str]:
    """Return template, policy and mode of a test. Raises `Invalid`."""
    return template_of(node, config), policy_of(node, config), mode_of(node, config)


def project_of(config: pytest.Config) -> Path | None:
    """Return the folder that code and nested templates may lie in, of the ini file; None: the template's own.

    Raises `Invalid` where there is no such folder.
    """
    told = config.getini("valve_project")
    if not told:
        return None
    folder = ((config.inipath.parent if config.inipath else config.rootpath) / str(told)).resolve()
    if not folder.is_dir():
        raise Invalid(Where("valve_project"), f"there is no folder `{folder}`", "mend the path")
    return folder


def marked(node: pytest.Item, name: str) -> Any:
    """Return what the nearest marker that says it says, None when none does."""
    return next((m.kwargs[name] for m in node.iter_markers("valve") if name in m.kwargs), None)


def nearest(folder: Path, top: Path, names: tuple[str, ...]) -> Path | None:
    """Return the first of these files in a folder or above it, no further up than `top`."""
    for each in (folder, *folder.parents):
        for name in names:
            if (each / name).is_file():
                return each / name
        if each == top:
            break
    return None


def beside(template: Path, name: str) -> Path | None:
    """Return a file that lies beside a template, if it is there."""
    found = template.with_name(name)
    return found if found.is_file() else None


def _told(node: pytest.Item, name: str, config: pytest.Config, option: str | None, ini: str) -> Path | None:
    """Return the file that is named for a test, in the order marker, option, ini file."""
    base = config.inipath.parent if config.inipath else config.rootpath
    flag = option and config.getoption(option)
    for told, folder, said in (
        (marked(node, name), node.path.parent, f"valve({name}=…)"),
        (flag, config.invocation_params.dir, option),
        (config.getini(ini), base, ini),
    ):
        if told:
            path = (folder / str(told)).resolve()
            if not path.is_file():
                raise Invalid(Where(str(said)), f"there is no file `{path}`", "mend the path")
            return path
    return None
