"""The door to folders and archives: taken apart, put together and looked through without ever leaving them.

Knows file systems and zip. Does not know what the files are for.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

from valve_aws.model.source import Invalid, Where

UNPACKED = 250 * 1024 * 1024
"""Bytes of an unpacked deployment package, layers included (AWS quota)."""
ENTRIES = 50_000
CHUNK = 1024 * 1024
DEEPEST = 4
FOLDERS = 4000
"""How far and how long bundles are looked for."""
BROKEN = (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError, ValueError)
"""What a damaged or encrypted archive raises."""
SCRIPTS = 64 * CHUNK
"""Bytes of JavaScript that are looked through for imports."""
NOT_CODE = (".valve", ".git")
"""Folders beside code that no function has a use for."""
SKIPPED = {".git", "node_modules", "__pycache__", ".venv", ".aws-sam"}


def link_tree(source: Path, target: Path) -> None:
    """Put what is in `source` into `target`, hard-linked where that works; files that are there already are
    replaced.

    Symbolic links are kept as they are: they are resolved inside, where nothing of the host shows.
    """
    for folder, folders, files in os.walk(source):
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        for name in [*files, *(f for f in folders if (Path(folder) / f).is_symlink())]:
            link(Path(folder) / name, there / name)


def link(source: Path, target: Path) -> None:
    """Put one file into place, hard-linked where that works."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def unpack(archive: Path, target: Path, where: Where) -> None:
    """Extract a zip archive into the folder `target`.

    Raises Invalid for what is no zip, for entries that are links or would leave the folder, and for bombs.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            if len(entries) > ENTRIES:
                raise Invalid(where, f"`{archive}` has more than {ENTRIES} entries")
            left = UNPACKED
            for entry in entries:
                left -= _extract(opened, entry, target, where, archive, left)
    except (*BROKEN, zlib_error()) as error:
        raise Invalid(where, f"`{archive}` cannot be unpacked: {error}", "is it a zip archive?") from error


def unpack_some(archive: Path, target: Path, entries: Iterable[str]) -> None:
    """Extract some plain files of an npm package, without the folder that all of it is in."""
    import tarfile

    with tarfile.open(archive) as opened:
        for name in entries:
            content = opened.extractfile(name)
            if content is None:
                raise ValueError(f"`{name}` is no file of `{archive}`")
            path = target / name.partition("/")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())


def of_this_machine(modules: Path) -> str:
    """Return where a package lies that npm has taken from a folder or an archive here, "" for none.

    Raises ValueError where npm has not written down what it took.
    """
    try:
        taken = json.loads((modules / ".package-lock.json").read_bytes())["packages"]
    except (OSError, KeyError) as error:
        raise ValueError(f"npm has not told what it installed: {error}") from error
    local = (at for at, each in taken.items() if each.get("link") or each.get("resolved", "")[:5] == "file:")
    return next(local, "")


def _extract(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, where: Where, archive: Path, left: int
) -> int:
    """Extract one entry and return its size."""
    mode = entry.external_attr >> 16
    parts = entry.filename.split("/")
    if entry.filename.startswith("/") or ".." in parts or "\\" in entry.filename or ":" in parts[0]:
        raise Invalid(where, f"`{archive}`: the entry {entry.filename!r} would leave the folder")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        raise Invalid(
            where,
            f"`{archive}`: the entry {entry.filename!r} is a link or a device",
            "pack the files themselves",
        )
    path = target.joinpath(*(part for part in parts if part not in ("", ".")))
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(entry) as source, path.open("wb") as sink:
        # Why counted: the size that an entry claims is the archive's word.
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > left:
                raise Invalid(where, f"`{archive}` unpacks to more than {UNPACKED >> 20} MiB (AWS's limit)")
            sink.write(chunk)
    path.chmod(0o755 if mode & 0o111 else 0o644)
    return size


def zlib_error() -> type[Exception]:
    """Return zlib's exception; the module is loaded only when an archive is."""
    import zlib

    return zlib.error


def bundles(folder: Path, known: Iterable[str]) -> list[str]:
    """Return the paths below `folder` that end in one of `known`: plain files, reached through no link."""
    wanted = {tuple(path.split("/")) for path in known}
    heads = {path[0] for path in wanted}
    found: list[str] = []
    queue: list[tuple[Path, int]] = [(folder, 0)]
    for current, depth in queue:
        if len(queue) > FOLDERS:
            break
        try:
            entries = [
                entry
                for entry in os.scandir(current)
                if entry.is_dir(follow_symlinks=False) and entry.name not in SKIPPED
            ]
        except OSError:
            continue
        for entry in entries:
            if entry.name in heads:
                found += [
                    str(Path(current, *path).relative_to(folder))
                    for path in wanted
                    if path[0] == entry.name and _plain(current, path)
                ]
            elif depth < DEEPEST:
                queue.append((Path(entry.path), depth + 1))
    return sorted(found)


def _plain(folder: Path, path: tuple[str, ...]) -> bool:
    """Say whether `path` is a file and neither it nor a folder on the way is a link."""
    for part in path:
        folder = folder / part
        if folder.is_symlink():
            return False
    return folder.is_file()


def closed(folder: Path) -> bool:
    """Say whether some file or folder of it is for its owner alone, while we are root.

    Why: a function never has root's uid, so what only root may read would not be there for it.
    """
    if os.geteuid() != 0:
        return False
    for current, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_CODE]
        for path, needed in [(current, 0o5), *((os.path.join(current, n), 0o4) for n in names)]:
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode) and mode & needed != needed:
                return True
    return False


def opened(source: Path, target: Path) -> None:
    """Copy a folder so that everybody may read the copy; links stay links."""
    ignore = shutil.ignore_patterns(*NOT_CODE)
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=ignore)
    for current, _, names in os.walk(target):
        Path(current).chmod(0o755)
        for path in (Path(current, name) for name in names):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o777 | 0o444)


def stamp(folder: Path) -> str:
    """Return a text that changes when a file below `folder` does (names, sizes, times)."""
    lines = []
    for current, _, files in os.walk(folder):
        for name in files:
            path = Path(current) / name
            status = path.lstat()
            lines.append(f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}")
    return "\n".join(sorted(lines))


def text_of(path: Path) -> str | None:
    """Return the text of a file that is really there, in its folder; None when it is not. Raises Invalid."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(Where(str(path)), f"cannot be read: {error}") from error


def true_folder(path: Path) -> Path | None:
    """Return the folder that `path` leads to, without links; None when there is none."""
    return path.resolve() if path.is_dir() else None


def is_folder(path: Path) -> bool:
    """Say whether a folder is there."""
    return path.is_dir()


def lying(folder: Path, names: Iterable[str]) -> list[str]:
    """Return those of these names by which a file lies in a folder."""
    return [name for name in names if (folder / name).is_file()]


def content(path: Path) -> bytes:
    """Return a file of our own."""
    return path.read_bytes()


def programs(folder: Path) -> tuple[str, ...]:
    """Return the names of the files in a folder, none where there is no such folder."""
    there = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(each.name for each in there if not each.is_dir()))


def layer_shape(folder: Path, below: str) -> tuple[bool, bool]:
    """Say whether a layer has the folder `below` that its language looks into, and whether its modules lie
    where Lambda finds none."""
    built = (folder / below).is_dir()
    loose = {"python": "*.py", "nodejs": "node_modules"}.get(below)
    return built, not built and loose is not None and any(folder.glob(loose))


def executable(folder: Path, name: str) -> bool | None:
    """Say whether a file of a folder can be executed; None when it is not there."""
    path = folder / name
    return os.access(path, os.X_OK) if path.is_file() else None


def scripts(folder: Path) -> Iterable[bytes]:
    """Return the JavaScript of a folder, file by file, but for packages that lie with it."""
    left = SCRIPTS
    for current, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in names:
            path = Path(current) / name
            if path.suffix in {".js", ".mjs", ".cjs"} and not path.is_symlink() and left > 0:
                left -= path.stat().st_size
                yield path.read_bytes()
