"""Door to the file system: where a path of a template really leads, and that it stays in its folder.

Knows paths, links, archives, and where SAM's own tables are installed. Does not read a template nor any code.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Final

from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code

NAMES: Final = (".aws-sam/build/template.yaml", "template.yaml", "template.yml", "template.json")
"""Where a template is looked for, in SAM's order: what `sam build` made comes first."""

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json", ".template"})

UNZIPPED: Final = 262_144_000
"""Bytes: a deployment package unzipped (Lambda quotas)."""

ENTRIES: Final = 200_000


def locate(path: Path | None, exists: Callable[[Path], bool]) -> Path:
    """Return the template: `path` if it is a file, else the first of `NAMES` in it or here."""
    if path is not None and path.suffix.lower() in SUFFIXES and path.name != path.suffix:
        if exists(path):
            return path
        raise Invalid(Where(str(path)), "there is no such template", "give another with `-t`")
    folder = path or Path()
    for name in NAMES:
        if exists(folder / name):
            return folder / name
    if path is not None and exists(path) and path.is_file():
        return path
    raise Invalid(
        Where(str(folder)),
        f"no template here: looked for {', '.join(f'`{n}`' for n in NAMES)}",
        "go to the application's folder or give it with `-t`",
    )


def project(file: Path) -> Path:
    """Return the folder that code may not leave: the template's own; of `.aws-sam/build/…` the one built."""
    real = Path(os.path.realpath(file))
    for parent in real.parents:
        if parent.name == "build" and parent.parent.name == ".aws-sam":
            return parent.parent.parent
    return real.parent


def bounds(file: Path, given: Path | None) -> Path:
    """Return the folder that code may not leave: the one that was given, else the template's project.

    Why nothing of the template's surroundings is asked: whose template it is may lie in somebody else's
    folder. Raises Invalid for a folder that is no project of this template.
    """
    if given is None:
        return project(file)
    root, where = Path(os.path.realpath(given)), Where("--project")
    if private(root):
        raise Invalid(where, f"`{given}` is a home folder, or holds one", "name the application's own folder")
    if not Path(os.path.realpath(file)).is_relative_to(root):
        raise Invalid(where, f"the template is not in `{given}`", "name a folder that it lies in")
    return root


def within(root: Path, base: Path, written: str, where: Where) -> Path:
    """Return where `written`, relative to `base`, leads, links followed. Raises Invalid outside `root`."""
    remedy = f"keep it within `{root}`, or say with `--project` which folder it may lie in"
    if "\0" in written:
        raise Invalid(where, "a path with a NUL character in it", "remove it")
    if Path(written).is_absolute() and not written.startswith(f"{root}{os.sep}"):
        raise Invalid(where, f"`{written[:200]}` is outside the template's folder", remedy)
    real = Path(os.path.realpath(base / written))
    if not real.is_relative_to(root):
        raise Invalid(where, f"`{written[:200]}` leads out of the template's folder", remedy)
    return real


def private(folder: Path) -> bool:
    """Say whether a folder is somebody's home, or holds one: no function is to be given that as its code."""
    try:
        home = Path(os.path.realpath(Path.home()))
    except RuntimeError:  # nobody's account
        home = Path(folder.anchor)
    return folder == Path(folder.anchor) or home.is_relative_to(folder)


def what(path: Path) -> str:
    """Return `folder`, `archive` or `file`; "" when there is nothing that could be read."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        return ""
    return "archive" if path.suffix.lower() in {".zip", ".jar"} else "file"


def inspect(code: Code) -> None:
    """Make sure that nothing in a folder or an archive leads out of it. Raises Invalid.

    To be called for the code that is about to be used; it walks the whole of it.
    """
    if code.folder is not None:
        _walk(code.folder, code.where)
    if code.archive is not None:
        _entries(code.archive, code.where)


def _walk(root: Path, where: Where) -> None:
    waiting = [str(root)]
    seen = 0
    while waiting:
        try:
            found = list(os.scandir(waiting.pop()))
        except OSError as e:
            raise Invalid(where, f"`{e.filename}` cannot be read: {e.strerror}") from None
        seen += len(found)
        if seen > ENTRIES:
            raise Invalid(
                where, f"more than {ENTRIES:,} files under `{root}`", "give a smaller folder as the code"
            )
        if any(entry.name == "pyvenv.cfg" for entry in found):
            continue  # a virtual environment links to its interpreter; in a sandbox that leads nowhere
        for entry in found:
            if entry.is_symlink():
                if not Path(os.path.realpath(entry.path)).is_relative_to(root):
                    raise Invalid(
                        where,
                        f"the link `{os.path.relpath(entry.path, root)}` leads out of `{root}`",
                        "remove it",
                    )
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not entry.is_file(follow_symlinks=False):
                raise Invalid(
                    where, f"`{os.path.relpath(entry.path, root)}` is no ordinary file", "remove it"
                )


def _entries(archive: Path, where: Where) -> None:
    import zipfile  # Why here: most code is a folder.

    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            if len(entries) > ENTRIES or sum(e.file_size for e in entries) > UNZIPPED:
                raise Invalid(
                    where, f"`{archive.name}` holds more than {UNZIPPED:,} bytes or {ENTRIES:,} files"
                )
            for entry in entries:
                path = PurePosixPath(entry.orig_filename.replace("\\", "/"))
                leaves = path.is_absolute() or ".." in path.parts or "\0" in entry.orig_filename
                link = stat.S_ISLNK(entry.external_attr >> 16)
                if link and not leaves:
                    target = opened.read(entry).decode("utf-8", "replace") if entry.file_size < 4096 else "/"
                    joined = os.path.normpath(str(path.parent / target))
                    leaves = PurePosixPath(target).is_absolute() or joined.split("/")[0] == ".."
                if leaves:
                    raise Invalid(
                        where,
                        f"`{entry.orig_filename[:200]!s}` in `{archive.name}` leads out of it",
                        "pack it anew",
                    )
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as e:
        raise Invalid(
            where, f"`{archive.name}` is no archive that can be read: {str(e).lower()}", "pack it anew"
        ) from None


@cache
def table(name: str) -> Any:
    """Return a JSON table that SAM's translator ships. Raises Invalid when the package is not there.

    The package is looked up and never imported: its import costs more than a whole run.
    """
    spec = find_spec("samtranslator")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / name
        if path.is_file():
            return json.loads(path.read_bytes())
    raise Invalid(Where(name), "SAM's own tables are not installed", "pip install aws-sam-translator")
