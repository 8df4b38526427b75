"""What one call does to the world, worked out from the request and the rows alone (laws 2, 3, 4, 5, 7, 8).

Knows how a row is read. Does not know any operation, which are data in `rows/`, nor what is allowed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from valve_aws.aws.names import NotCanonical, Place
from valve_aws.aws.rows.row import Asked, Extents, Pairs, Row, Service, Texts
from valve_aws.model.call import Effect
from valve_aws.model.cell import Extent
from valve_aws.model.ports import Tables

MODULES = {
    "s3": "s3",
    "sqs": "sqs",
    "dynamodb": "dynamodb",
    "dynamodbstreams": "streams",
    "sns": "sns",
    "lambda": "awslambda",
    "sts": "sts",
    "secretsmanager": "secrets",
    "ssm": "parameters",
    "events": "events",
    "kinesis": "kinesis",
    "firehose": "firehose",
    "stepfunctions": "states",
    "logs": "logs",
    "cloudwatch": "cloudwatch",
    "kms": "kms",
    "ses": "ses",
    "sesv2": "sesv2",
}
"""botocore's service name → the module of its rows. What is not here has no row, and no passage."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What `effect` answers: everything of a `Call` that follows from operation and parameters."""

    effect: Effect
    resources: tuple[str, ...]
    """Canonical ARNs of the stores touched, each once."""
    actions: tuple[tuple[str, str], ...]
    """(IAM action, resource ARN), each once."""
    leaves: tuple[tuple[str, str], ...]
    """(what, value): names that leave with the request."""


def effect(
    service: str, operation: str, params: Mapping[str, Any], place: Place, tables: Tables
) -> Judged | None:
    """Return what the call does; None when there is no row. `service`, `operation` and `params` are
    botocore's.

    Raises `NotCanonical` when something in the request could mean two things.
    """
    reading = compiled(service).get(operation)
    if reading is None:
        return None
    try:
        return reading(Asked(operation, params, place, tables))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        # Why refused: the reader gives what botocore's shapes promise; whatever is not so cannot be told with
        # certainty.
        raise NotCanonical(
            f"`{operation}` lacks what it must name, or names it in an unknown way: {problem}"
        ) from problem


def rows(service: str) -> tuple[Row, ...]:
    """Return a service's table; empty when there is none."""
    return table(service).rows


def table(service: str) -> Service:
    """Return a service's rows and vocabulary."""
    module = MODULES.get(service)
    if module is None:
        return Service(())
    found: Service = importlib.import_module(f"valve_aws.aws.rows.{module}").SERVICE
    return found


_compiled: dict[str, Mapping[str, Callable[[Asked], Judged]]] = {}


def compiled(service: str) -> Mapping[str, Callable[[Asked], Judged]]:
    """Return a service's rows by operation, their words looked up once."""
    if service not in _compiled:
        vocabulary = table(service)
        _compiled[service] = {row.operation: compile_row(row, vocabulary) for row in vocabulary.rows}
    return _compiled[service]


def compile_row(row: Row, vocabulary: Service) -> Callable[[Asked], Judged]:
    """Return the function that a row stands for. Raises KeyError for a word that its service does not
    have.
    """
    consults, reveals, changes = (
        tuple(vocabulary.extents[w] for w in words.split())
        for words in (row.consults, row.reveals, row.changes)
    )
    delivers = tuple(vocabulary.arns[w] for w in row.delivers.split())
    actions = tuple(
        (a, vocabulary.arns[w]) for a, _, w in (pair.partition("@") for pair in row.actions.split())
    )
    leaves = tuple(
        vocabulary.leaves[w] if "=" not in w else _leaf(*w.split("=", 1)) for w in row.leaves.split()
    )
    opener = vocabulary.openers.get(row.opens)
    proof = vocabulary.proofs[row.blind] if row.blind not in {"", "always"} else None

    def read(asked: Asked) -> Judged:
        found = Effect(
            _extents(consults, asked),
            _extents(reveals, asked),
            _extents(changes, asked),
            _texts(delivers, asked),
            opener(asked) if opener else row.opens,
            proof(asked) if proof else row.blind == "always",
        )
        stores = {e.store: None for group in (found.consults, found.reveals, found.changes) for e in group}
        return Judged(found, tuple(stores), _actions(actions, asked), _leaves(leaves, asked))

    return read


def _extents(selectors: tuple[Extents, ...], asked: Asked) -> tuple[Extent, ...]:
    return tuple([extent for select in selectors for extent in select(asked)]) if selectors else ()


def _texts(selectors: tuple[Texts, ...], asked: Asked) -> tuple[str, ...]:
    return tuple(dict.fromkeys([text for select in selectors for text in select(asked)])) if selectors else ()


def _actions(selectors: tuple[tuple[str, Texts], ...], asked: Asked) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys([(action, arn) for action, select in selectors for arn in select(asked)]))


def _leaves(selectors: tuple[Pairs, ...], asked: Asked) -> tuple[tuple[str, str], ...]:
    return tuple([pair for select in selectors for pair in select(asked)])


def _leaf(what: str, path: str) -> Pairs:
    names = path.split(".")

    def at(asked: Asked) -> Iterable[tuple[str, str]]:
        return [(what, str(value)) for value in _reach(asked.params, names)]

    return at


def _reach(value: Any, names: list[str]) -> list[Any]:
    """Return what stands at a path; lists on the way are walked through, mappings at the end give their keys
    and values.
    """
    for at, name in enumerate(names):
        if isinstance(value, list | tuple):
            return [found for element in value for found in _reach(element, names[at:])]
        if not isinstance(value, Mapping) or name not in value:
            return []
        value = value[name]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for text in pair]
    return list(value) if isinstance(value, list | tuple) else [value]
