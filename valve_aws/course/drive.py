"""Carrying a course out.

Knows how a generator is resumed. Does not know any command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from valve_aws.course.commands import Command, Course

T = TypeVar("T")


async def drive(course: Course[T], act: Callable[[Command], Any]) -> T:
    """Run a course to its end; `act` answers a command, or returns an awaitable of the answer.

    Whatever `act` raises is thrown into the course, cancellation included, so that it can still settle.
    """
    step: Callable[[Any], Command] = course.send
    answer: Any = None
    while True:
        try:
            command = step(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        try:
            answer, step = act(command), course.send
            if hasattr(answer, "__await__"):  # Why not `inspect`: some ten commands a call, 2 µs each
                answer = await answer
        except BaseException as error:  # Why: not swallowed; the course decides what it means
            answer, step = error, course.throw


def walk(course: Course[T], act: Callable[[Command], Any]) -> T:
    """Run a course to its end where `act` answers at once: the cooperative hook, and plays."""
    running = drive(course, act)
    try:
        running.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    running.close()
    raise RuntimeError("a course that was to be walked had to wait")
