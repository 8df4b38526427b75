"""A valve whose embedded cloud and label book are found again by the next one.

Knows that the two are kept as one: a cloud is only ever read again with the book as it was when that was
written. Does not know what either holds.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from valve_aws import application
from valve_aws.backend import Moto, NotStarted
from valve_aws.clock import Clock
from valve_aws.model.safe import plain
from valve_aws.model.source import Invalid, Where
from valve_aws.running.revising import Revising
from valve_aws.settings import Settings
from valve_aws.valve import Valve, own

FORMAT = 1

BOOK, CLOUD, ABOUT = "labels.db", "cloud", "about.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a valve left behind when it ended."""

    generation: str
    account: str
    region: str


class Lasting(Valve):
    """See `Valve`. It goes by the machine's time, and looks at its functions' code before each event."""

    folder: Path
    """Where it keeps what the next one finds."""

    @classmethod
    def begun(cls, settings: Settings, say: Callable[[str], None], fresh: bool) -> Lasting:
        """Read the application, and find what the last one kept. `fresh` begins without. Raises `Invalid`."""
        stack, seeds = application.read(settings, say)
        home = application.kept(Path(stack.file).resolve()) / ".valve" / "up"
        held = _alone(home)
        book = settings.labels or home / BOOK
        embedded = settings.backend == "moto"
        found = None if fresh or not embedded else _found(home, stack.account, stack.region, say)
        if found is not None:
            _laid(home / "kept" / BOOK, book)
        elif embedded:
            _removed(book)
        more: dict[str, Any] = {"clock": Clock(), "generation": found.generation if found else ""}
        if found is not None:
            more["moto"] = partial(Moto.start, kept=home / "kept" / CLOUD)
        told = replace(settings, labels=book)
        valve = cls(told, stack, application.rules(settings, stack), seeds, say, **more)
        valve.folder, valve._embedded, valve._book_file, valve._held = home, embedded, book, held
        return valve

    _embedded: bool
    _book_file: Path
    _held: IO[bytes]
    _wrote = False

    @property
    def found(self) -> bool:
        """Say whether it goes on where the last one ended."""
        return bool(self._generation)

    @property
    def beginning(self) -> str:
        """Say with what it begins."""
        if not self._embedded:
            return f"the cloud is at {plain(self.settings.backend)}: it stays as it is, and is not kept here"
        return "the cloud goes on where it ended" if self.found else "the cloud begins anew"

    async def open(self) -> None:
        """See `Valve.open`."""
        await super().open()
        self.revising = Revising(self._housing, self._say)
        self._invoking.current = self.revising.current

    async def _rests(self) -> None:
        """Keep the cloud, now that nobody calls it any more."""
        if not self._embedded:
            return
        new = self.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            lost = await self._cloud.keep(new / CLOUD)
        except NotStarted as error:
            self._say(f"valve: the cloud could not be kept: {error}")
            return
        for each in lost:
            self._say(f"valve: not kept: {each}")
        about = {"format": FORMAT, "generation": self._cloud.generation}
        about |= {"account": self.stack.account, "region": self.stack.region}
        (new / ABOUT).write_text(json.dumps(about))
        self._wrote = (new / CLOUD).is_file()

    async def close(self) -> None:
        """See `Valve.close`. The book is kept with the cloud, once both are closed."""
        try:
            await super().close()
            if self._wrote:
                self._keep()
        finally:
            self._held.close()

    def _keep(self) -> None:
        new, kept, old = (self.folder / name for name in ("new", "kept", "old"))
        try:
            shutil.copyfile(self._book_file, new / BOOK)
            shutil.rmtree(old, ignore_errors=True)
            if kept.exists():
                kept.rename(old)
            new.rename(kept)
        except OSError as error:  # Why: the folder may have been removed meanwhile
            self._say(f"valve: the cloud could not be kept: {error}")
            return
        shutil.rmtree(old, ignore_errors=True)
        self._say("valve: the cloud is kept: `valve up` goes on with it, `valve up --fresh` begins anew")


def _alone(home: Path) -> IO[bytes]:
    """See that nobody else has this application up: he writes the same files. Raises `Invalid`.

    Why no links: the folder may be somebody else's, and folders of these names are removed where it lies.
    """
    for each in (home, *(home / name for name in (BOOK, "lock", "kept", "new", "old"))):
        own(each)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # Why: what a cloud holds is as secret as what was put there
    held = (home / "lock").open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise Invalid(Where(str(home)), "another `valve up` has this template up", "end that one") from error
    return held


def _found(home: Path, account: str, region: str, say: Callable[[str], None]) -> Kept | None:
    """Return what was kept, if it is whole and of this account and region."""
    kept, old = home / "kept", home / "old"
    if old.exists() and not kept.exists():
        old.rename(kept)  # Why: it was ended between two names
    if not all((kept / name).is_file() for name in (BOOK, CLOUD, ABOUT)):
        return None
    try:
        told = json.loads((kept / ABOUT).read_text())
        if told["format"] != FORMAT:
            raise ValueError(told["format"])
        found = Kept(str(told["generation"]), str(told["account"]), str(told["region"]))
    except (OSError, ValueError, KeyError, TypeError):
        say(f"valve: what is kept in {kept} cannot be read; the cloud begins anew")
        return None
    if (found.account, found.region) != (account, region):
        say(f"valve: what is kept is of {found.account} in {found.region}; the cloud begins anew")
        return None
    return found


def _laid(source: Path, target: Path) -> None:
    """Let a book be as it was: what was written to it since is not in the cloud that was kept with it."""
    _removed(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _removed(book: Path) -> None:
    """Remove a book. Why: no cloud that it speaks of is there any more."""
    for tail in ("", "-wal", "-shm"):
        book.with_name(book.name + tail).unlink(missing_ok=True)
