"""What one call does to the world, worked out from the request and the rows alone (laws 2, 3, 4, 5, 7, 8).

Knows how a row is read. Does not know any operation, which are data in `rows/`, nor what is allowed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from valve_aws.aws.names import NotCanonical, Place
from valve_aws.aws.rows.row import Asked, Extents, Given, Pairs, Row, Service, Texts
from valve_aws.model.call import Effect
from valve_aws.model.ports import Tables
from valve_aws.model.value import value

T = TypeVar("T")

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


@value
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
    found = _compiled.get(service)
    if found is None:
        vocabulary = table(service)
        found = _compiled[service] = {row.operation: compile_row(row, vocabulary) for row in vocabulary.rows}
    return found


class Words(NamedTuple):
    """The words of one row that may have something to say of a request."""

    consults: tuple[Extents, ...]
    reveals: tuple[Extents, ...]
    changes: tuple[Extents, ...]
    delivers: tuple[Texts, ...]
    actions: tuple[tuple[str, Texts], ...]
    leaves: tuple[Pairs, ...]
    opener: tuple[Callable[[Asked], str], ...]
    """One, or none."""


KEPT = 64
"""Sets of members, for each row, of which is kept which words have something to say."""


def compile_row(row: Row, vocabulary: Service) -> Callable[[Asked], Judged]:
    """Return the function that a row stands for. Raises KeyError for a word that its service does not
    have.
    """
    every = _words(row, vocabulary)
    asks = frozenset[str]().union(*(w.members for w in _each(every) if isinstance(w, Given)))
    fitting: dict[frozenset[str], Words] = {}
    opens = "" if row.opens in vocabulary.openers else row.opens
    proof = vocabulary.proofs[row.blind] if row.blind not in {"", "always"} else None

    def read(asked: Asked) -> Judged:
        # Why so: most words of most rows speak of members that are seldom there, and asking each costs more
        # than finding out once for all calls which members are.
        given = asks.intersection(asked.params)
        words = fitting.get(given)
        if words is None:
            words = _fitting(every, given)
            if len(fitting) < KEPT:
                fitting[given] = words
        found = Effect(
            _all(words.consults, asked),
            _all(words.reveals, asked),
            _all(words.changes, asked),
            tuple(dict.fromkeys(_all(words.delivers, asked))),
            words.opener[0](asked) if words.opener else opens,
            proof(asked) if proof else row.blind == "always",
        )
        stores = dict.fromkeys([e.store for e in (*found.consults, *found.reveals, *found.changes)])
        actions = dict.fromkeys([(action, arn) for action, word in words.actions for arn in word(asked)])
        return Judged(found, tuple(stores), tuple(actions), _all(words.leaves, asked))

    return read


def _words(row: Row, vocabulary: Service) -> Words:
    extents, arns = vocabulary.extents, vocabulary.arns
    pairs = (pair.partition("@") for pair in row.actions.split())
    return Words(
        tuple(extents[w] for w in row.consults.split()),
        tuple(extents[w] for w in row.reveals.split()),
        tuple(extents[w] for w in row.changes.split()),
        tuple(arns[w] for w in row.delivers.split()),
        tuple((action, arns[w]) for action, _, w in pairs),
        tuple(leaf(w, vocabulary) for w in row.leaves.split()),
        (vocabulary.openers[row.opens],) if row.opens in vocabulary.openers else (),
    )


def _each(words: Words) -> Iterable[Any]:
    for group in words:
        yield from (word[1] if isinstance(word, tuple) else word for word in group)


def _fitting(every: Words, given: frozenset[str]) -> Words:
    """Return the words that may have something to say when of the members that words ask for these are
    given."""

    def lean(word: Any) -> Any:
        if isinstance(word, tuple):
            return (word[0], inner) if (inner := lean(word[1])) else None
        if isinstance(word, Given):
            return None if word.members.isdisjoint(given) else word.word
        return word

    return Words(*(tuple(filter(None, map(lean, group))) for group in every))


def _all(words: tuple[Callable[[Asked], Iterable[T]], ...], asked: Asked) -> tuple[T, ...]:
    if len(words) == 1:
        return tuple(words[0](asked))
    return tuple([each for word in words for each in word(asked)]) if words else ()


def leaf(word: str, vocabulary: Service) -> Pairs:
    """Return what a word of `Row.leaves` stands for."""
    if "=" not in word:
        return vocabulary.leaves[word]
    what, _, path = word.partition("=")
    names = path.split(".")
    return Given(
        frozenset(names[:1]), lambda asked: [(what, str(value)) for value in _reach(asked.params, names)]
    )


MAPPING, LISTS = (dict, Mapping), (list, tuple)
"""Why both: that something is a dictionary is found out at once, that it is a mapping only by asking."""


def _reach(value: Any, names: list[str]) -> list[Any]:
    """Return what stands at a path; lists on the way are walked through, mappings at the end give their keys
    and values.
    """
    for at, name in enumerate(names):
        if isinstance(value, LISTS):
            return [found for element in value for found in _reach(element, names[at:])]
        if not isinstance(value, MAPPING) or name not in value:
            return []
        value = value[name]
    if value.__class__ is str:
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for text in pair]
    return list(value) if isinstance(value, LISTS) else [value]
