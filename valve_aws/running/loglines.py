"""What functions write: shown to the operator whole and harmless, let into the log file what may leave.

Knows who is told of a line. Does not decide which lines leave; the course of a log line does (law 11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from valve_aws.course.drive import walk
from valve_aws.course.release import log
from valve_aws.course.subject import Subject
from valve_aws.environments.environment import Environment
from valve_aws.environments.lines import parted
from valve_aws.model.safe import lines
from valve_aws.passage.driver import Passage

Heard = Callable[[Subject, str, str, bool], None]
"""(who, stream, line, nothing speaks against its leaving): the operator's own ear. `stream` is `platform` for
the platform's own lines; a credential of this run is masked, nothing else is."""


Leaving = Callable[[Subject, str], None]
"""(who, line): a log store's ear. It is told of what may leave, and of nothing else."""


def unheard(_: Subject, stream: str, line: str, free: bool) -> None:
    """Listen to nothing."""


class LogLines:
    """The lines of all environments of one run."""

    def __init__(
        self, passage: Passage, say: Callable[[str], None], file: IO[bytes] | None, heard: Heard
    ) -> None:
        self._passage, self._say, self._file, self._heard = passage, say, file, heard
        self.leaving: Leaving = lambda *_: None

    def take(self, environment: Environment, stream: str, line: str) -> None:
        """Show a line to the operator; let into the log file what may leave.

        Why harmless there too: a log file is looked at in a terminal, and is what a CI run shows of it.
        """
        passage, subject = self._passage, environment.subject
        line = line.replace("\n", "\\n")  # a name or a last word that has one would begin a line of ours
        text = line.encode("utf-8", "replace")
        held = passage.ring.found(text)
        # Why not with a credential in it: an extension's name and last words are its own, as any line.
        if stream == "platform" and not held:
            free = passage.court.logs(subject)
            self._heard(subject, stream, line, free)
            self._say(lines(line))
            # Why without a word: figures, status and the mere line are the environment's output (law 11), but
            # nobody asked for them, so none of them is a refusal.
            if free:
                self._store(subject, line)
            return
        passage.sighted(subject, "Log", text)
        masked = passage.ring.masked(text).decode("utf-8", "replace") if held else line
        leaves, verdict = walk(log(passage.court, subject, line, held, masked), passage.at_once)
        self._heard(subject, stream, parted(masked), not verdict.refused)
        mark = "│" if not verdict.refused else "┃ withheld from log stores │"
        shown = parted(line if verdict.passes else masked).split("\n")
        # Why each: a line of a message's that began without would be taken for one of ours.
        self._say("\n".join(f"{subject.function} {mark} {lines(each)}" for each in shown))
        if leaves:
            self._store(subject, parted(leaves))

    def close(self) -> None:
        """Let nothing more into the log file; what ends later than that is shown alone."""
        if self._file:
            self._file.close()
            self._file = None

    def _store(self, subject: Subject, line: str) -> None:
        self.leaving(subject, line)
        if self._file:
            self._file.write(lines(line).encode() + b"\n")
