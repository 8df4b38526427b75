"""Rows are tried on moto, not believed: what a call changes, and what its answer and its effect depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.rows.cases import CASES
from tests.rows.cloud import Server
from tests.rows.trial import Case, Trials, judged
from tests.rows.worlds import WORLDS, World
from valve_aws.aws import effects
from valve_aws.aws.rows.row import Row

Worlds = Callable[[Case], World]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    up = Server()
    yield up
    up.stop()


@pytest.fixture(scope="module")
def world(server: Server) -> Worlds:
    made: dict[str, World] = {}

    def of(case: Case) -> World:
        if case.world not in made:
            made[case.world] = WORLDS[case.world](server.client(case.service))
        return made[case.world]

    return of


@pytest.fixture(scope="module")
def trials() -> Trials:
    return Trials()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_call_changes_and_depends_on_is_declared(case: Case, world: Worlds, trials: Trials) -> None:
    found = list(trials.faults(world(case), case))
    effect = judged(world(case), case)
    assert not found, "\n".join([*found, str(effect)])
    assert effect.blind == case.blind


def _row(case: Case) -> Row:
    return next(r for r in effects.rows(case.service) if r.operation == case.operation)


def _mutants() -> list[tuple[str, str, str]]:
    """Every word of the three columns of every row that has a case."""
    rows = {case.operation: _row(case) for case in CASES}
    return [
        (operation, column, word)
        for operation, row in rows.items()
        for column in ("consults", "reveals", "changes")
        for word in getattr(row, column).split()
    ]


BOTH = "`reveals` has it too; the column says that it goes into the effect"
EITHER = "`ids` and `figures` both tell that a message is there; without both it is caught"
SIZES = (
    "what is in this world is far from the limits by which sizes show, and moto's figures do not tell them"
)
FAILING = (
    "moto's statements do not fail for an item that is, or is not, there; and its size tells that it is there"
)
MEMORY = "deduplication ids that a queue remembers show only when one is sent again"
UNSEEN: dict[tuple[str, str, str], str] = {
    ("GetObjectAcl", "reveals", "object"): "the engine makes no ACL different",
    ("PutObjectAcl", "consults", "object"): "the engine does not look at ACLs",
    ("PutObjectAcl", "changes", "object"): "the engine does not look at ACLs",
    ("PutObject", "consults", "appended"): "moto appends nothing",
    ("PutObject", "reveals", "appended"): "moto appends nothing",
    ("CopyObject", "consults", "source"): BOTH,
    ("CopyObject", "reveals", "precondition"): "moto does not heed conditions on a copy's target",
    ("DeleteObject", "reveals", "versioned"): "these buckets keep no versions",
    ("DeleteObjects", "reveals", "listed-told"): "moto does not heed these conditions",
    (
        "CreateMultipartUpload",
        "consults",
        "begun",
    ): "keeps the label of other uploads of the key, which nothing shows",
    ("UploadPartCopy", "consults", "source"): BOTH,
    ("CompleteMultipartUpload", "consults", "upload"): BOTH,
    ("SendMessage", "changes", "deduplication"): MEMORY,
    ("SendMessageBatch", "changes", "deduplication"): MEMORY,
    **{
        (operation, "reveals", word): EITHER
        for operation in (
            "ReceiveMessage",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
        )
        for word in ("ids", "figures")
    },
    ("GetQueueAttributes", "reveals", "config"): "the engine makes no setting different",
    ("DescribeTable", "reveals", "config"): "the engine makes no setting different",
    **{
        (operation, "reveals", "read-sizes"): SIZES
        for operation in (
            "BatchGetItem",
            "TransactGetItems",
            "Query",
            "Scan",
            "ExecuteStatement",
            "BatchExecuteStatement",
            "ExecuteTransaction",
        )
    },
    **{
        (operation, "reveals", word): FAILING
        for operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction")
        for word in ("answered", "written-sizes")
    },
    ("TransactWriteItems", "reveals", "written-sizes"): SIZES,
    **{
        (operation, "reveals", "capacity"): SIZES
        for operation in (
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
            "TransactWriteItems",
        )
    },
}
"""Words that no case on moto needs, each with why it is there. One that is needed after all fails."""


@pytest.mark.parametrize(("operation", "column", "word"), _mutants())
def test_a_row_without_one_of_its_words_is_caught(
    operation: str, column: str, word: str, world: Worlds, trials: Trials
) -> None:
    cases = [case for case in CASES if case.operation == operation]
    kept = " ".join(w for w in getattr(_row(cases[0]), column).split() if w != word)
    mutant = replace(_row(cases[0]), **{column: kept})
    caught = any(next(trials.faults(world(case), case, mutant), "") for case in cases)
    assert caught is ((operation, column, word) not in UNSEEN)
