"""Every story of `stacks/` has equal verdicts on moto and on LocalStack.

Knows the real command's records. Does not know what a story is about.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deliveries.conftest import HERE, SDK, Place, databases, sdk_of_2019
from tests.deliveries.test_deliveries import WAYS
from tests.localstack.conftest import LocalStack
from tests.stories.conftest import stage, stub
from tests.stories.test_journey import (
    journey,
    test_the_labelled_attribute_arrives_when_the_guard_is_off,
    test_the_labelled_attribute_is_followed_to_the_refused_post_and_every_station_is_told,
)
from tests.stories.test_links import (
    test_an_upload_form_and_links_work_outside_where_the_policy_releases_them,
    test_for_another_folder_nothing_leaves,
    world,
)
from tests.stories.world import STACKS, Ran, World, moto

__all__ = [
    "databases",
    "journey",
    "sdk_of_2019",
    "stage",
    "stub",
    "test_an_upload_form_and_links_work_outside_where_the_policy_releases_them",
    "test_for_another_folder_nothing_leaves",
    "test_the_labelled_attribute_arrives_when_the_guard_is_off",
    "test_the_labelled_attribute_is_followed_to_the_refused_post_and_every_station_is_told",
    "world",
]
"""What is told of moto in those rooms is so of LocalStack: their tests, run here with another `cloud`."""

Stub = tuple[int, list[tuple[str, bytes]]]

ACCOUNT = "123456789012"
SEEDED = ("--seed", "seed.yaml")


@dataclass(frozen=True)
class Story:
    """One after the other: (function, words). `code`: that of the last."""

    stack: str
    steps: tuple[tuple[str, tuple[str, ...]], ...]
    code: int
    stdin: str = ""


def _cases() -> Iterator[tuple[str, Story]]:
    for path in sorted(STACKS.glob("*/cases.yaml")):
        for number, case in enumerate(yaml.safe_load(path.read_text())):
            event = ("-e", case["event"]) if "event" in case else ()
            steps = ((case["invoke"], (*event, *SEEDED)),)
            yield (
                f"{path.parent.name}-{case['invoke']}-{number}",
                Story(path.parent.name, steps, case["code"]),
            )


def _errand(function: str, side: str) -> Story:
    return Story(
        "deliveries",
        ((function, ("-e", "-", *SEEDED)),),
        0 if side == "keep" else 3,
        json.dumps({"to": side, "as": f"{function}-{side}"}),
    )


STORIES: Mapping[str, Story] = {
    **dict(_cases()),
    **{
        f"journey-{event}": Story(
            "journey", (("Lookup", ("-e", f"events/{event}.json", *SEEDED)), ("Share", ())), code
        )
        for event, code in (("whole", 3), ("part", 0))
    },
    **{f"deliveries-{f}-{side}": _errand(f, side) for f in WAYS.values() for side in ("keep", "drop")},
}

DIFFERENT: Mapping[str, str] = {}
"""Story → why its verdicts are others on LocalStack than on moto. A line that is not needed fails."""


@pytest.fixture
def cloud(empty: LocalStack) -> str:
    return empty.url


@pytest.fixture(scope="module")
def place(empty: LocalStack) -> Place:
    return Place(empty.url)


@pytest.fixture(scope="module")
def clouds(empty: LocalStack) -> Iterator[Mapping[str, str]]:
    """Both, by name."""
    with moto() as url:
        yield {"moto": url, "localstack": empty.url}


@pytest.fixture
def told(
    tmp_path: Path, clouds: Mapping[str, str], stub: Stub, databases: list[str], sdk_of_2019: Path
) -> Callable[[str], dict[str, tuple[int, list[Any]]]]:
    """Return a function that plays a story on both at once: cloud → (exit code, verdicts)."""
    partners = [word for host in ("mail", "") for word in _resolved(host, stub[0])]
    elsewhere = ["--resolve", "objects.cloud.test:9000=127.0.0.1:9"]

    def play(name: str, cloud: str) -> tuple[int, list[Any]]:
        story = STORIES[name]
        folder = tmp_path / cloud / story.stack
        shutil.copytree(STACKS / story.stack, folder, ignore=shutil.ignore_patterns(".valve", "__pycache__"))
        if story.stack == HERE.name and not (folder / SDK).exists():
            shutil.copytree(sdk_of_2019, folder / SDK, copy_function=os.link)
        told = ["--account", ACCOUNT, "--stack-name", name, *partners, *databases, *elsewhere]
        world = World(folder, clouds[cloud], told)
        ran: list[Ran] = [
            world.invoke(function, *words, stdin=story.stdin) for function, words in story.steps
        ]
        return ran[-1].code, verdicts(world)

    def both(name: str) -> dict[str, tuple[int, list[Any]]]:
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(clouds, pool.map(lambda cloud: play(name, cloud), clouds), strict=True))

    return both


def _resolved(host: str, port: int) -> tuple[str, str]:
    return "--resolve", f"{host}{'.' if host else ''}partner.test=127.0.0.1:{port}"


def verdicts(world: World) -> list[Any]:
    """Return all that was decided, each with its rules and labels, whatever the order."""
    return sorted(
        (
            record["valve"]["function"],
            f"{record['valve']['service']}:{record['eventName']}",
            [resource["ARN"] for resource in record["resources"]],
            record["valve"]["verdict"],
            [reason["rule"] for reason in record["valve"]["reasons"]],
            sorted(record["valve"]["labels"]["environment"]),
            sorted(record["valve"].get("writes", [])),
        )
        for record in world.records()
        if record["valve"]["verdict"] != "settled"
    )


@pytest.mark.parametrize("name", STORIES)
def test_a_story_has_equal_verdicts_on_moto_and_on_localstack(
    name: str, told: Callable[[str], dict[str, tuple[int, list[Any]]]]
) -> None:
    both = told(name)
    assert {cloud: code for cloud, (code, _) in both.items()} == dict.fromkeys(both, STORIES[name].code)
    if name in DIFFERENT:
        assert both["localstack"] != both["moto"], f"this is no difference any more: {DIFFERENT[name]}"
    else:
        assert both["localstack"] == both["moto"]
