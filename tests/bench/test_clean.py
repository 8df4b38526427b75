"""What a clean environment for each event costs, beside one that stays warm and one that is started.

Knows whole events, and how long each waited for its environment. Does not judge: budgets are marked.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.bench.conftest import Talker, Valves
from tests.bench.figures import Figures, Row, interleaved

RUNS = int(os.environ.get("VALVE_BENCH_RUNS", "30"))
SPARE, ZYGOTE, SHARE = 2.0, 30.0, 3.0
"""ms of an event's own path that a swap may cost with a spare and without one, init aside; and the percentage
that `reuse: never` may add to a real function."""
WAYS = {
    "warm": {"reuse": "carry"},
    "spare": {"reuse": "never"},
    "zygote": {"reuse": "never", "spares": 0},
    "cold": {"reuse": "never", "spares": 0},
}


@pytest.mark.bench
@pytest.mark.parametrize(
    ("function", "what"),
    [("Bare", "nothing imported"), ("Sdk", "boto3 imported"), ("Pair", "S3 and DynamoDB")],
)
def test_what_a_clean_environment_for_each_event_costs(
    function: str, what: str, guarded: Valves, figures: Figures
) -> None:
    """Between two events there is time to make a spare, as between the requests that a developer makes."""
    valves = {name: guarded(**told) for name, told in WAYS.items()}
    for _ in range(2):
        for name, valve in valves.items():
            valve.ask({"ask": "cold" if name == "cold" else "settle"})
            valve.invoke(function, {})
            valve.ask({"ask": "settle"})
    waited: dict[str, list[float]] = {name: [] for name in valves}

    def event(name: str, valve: Talker) -> Callable[[], list[float]]:
        def run() -> list[float]:
            done = valve.ask({"function": function, "event": {}})
            assert not done["failed"], done
            waited[name].append(done["waited"])
            valve.ask({"ask": "settle"})
            return [done["seconds"]]

        return run

    found = interleaved(RUNS, {name: event(name, valve) for name, valve in valves.items()}, 1000)
    median = {name: sorted(each)[len(each) // 2] * 1000 for name, each in waited.items()}
    figures.add("a clean environment: whole event", Row(what, "ms", found, runs=RUNS))
    section = "a clean environment: wait for it"
    figures.add(section, Row(f"{what}, with a spare", "ms", median, median["spare"], SPARE, RUNS))
    if function == "Bare":
        figures.add(section, Row(f"{what}, with none", "ms", median, median["zygote"], ZYGOTE, RUNS))
    if function == "Pair":
        more = (found["spare"] / found["warm"] - 1) * 100
        figures.add("a clean environment: added", Row(what, "%", {"added": more}, more, SHARE, RUNS))
