"""The functions of one account and region, as the Lambda API keeps them: versions, aliases, layers, and what
is set beside them.

Knows what belongs to what. Does not know any request, nor what runs a function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from valve_aws.api.names import LATEST, Place, unfound
from valve_aws.model.stack import Function

Settings = dict[str, Any]
"""Members of an answer, as they go out."""


@dataclass(slots=True)
class Version:
    """One version of a function's code and settings; `$LATEST` changes, the others never do."""

    function: Function
    """What is run."""
    settings: Settings
    """`FunctionConfiguration` without its state."""
    number: str = LATEST
    source: Settings | None = None
    """Of a published one the settings that `$LATEST` had."""
    state: str = "Active"
    """`Pending` until it can be run; `Failed` when it never will."""
    why: str = ""
    code: str = ""
    update: str = "Successful"
    update_why: str = ""
    update_code: str = ""


@dataclass(slots=True)
class Deployed:
    """One function with all that is set about it."""

    name: str
    latest: Version
    versions: dict[str, Version] = field(default_factory=dict)
    """Published ones, by number, the oldest first."""
    published: int = 0
    """The number of the last one published, deleted ones counted."""
    aliases: dict[str, Settings] = field(default_factory=dict)
    reserved: int | None = None
    provisioned: dict[str, Settings] = field(default_factory=dict)
    """By qualifier."""
    invokes: dict[str, Settings] = field(default_factory=dict)
    """`FunctionEventInvokeConfig`, by qualifier."""
    urls: dict[str, Settings] = field(default_factory=dict)
    """By qualifier, `""` for none."""
    policies: dict[str, Settings] = field(default_factory=dict)
    """By qualifier, `""` for none."""
    tags: dict[str, str] = field(default_factory=dict)
    recursion: str = "Terminate"
    own: bool = False
    """The template declares it."""

    def provided(self, apart: str = "") -> int:
        """Return its provisioned concurrency, of all qualifiers but one."""
        return sum(
            int(each["RequestedProvisionedConcurrentExecutions"])
            for qualifier, each in self.provisioned.items()
            if qualifier != apart
        )


@dataclass(slots=True)
class Registry:
    """All functions of one account and region."""

    place: Place
    functions: dict[str, Deployed] = field(default_factory=dict)
    logical: dict[str, str] = field(default_factory=dict)
    """Logical id of the template → name: `sam local start-lambda` takes either."""
    layers: dict[str, dict[int, Settings]] = field(default_factory=dict)
    layer_numbers: dict[str, int] = field(default_factory=dict)
    """The number of the last version of each, deleted ones counted."""
    concurrent: int = 1000
    """Events that all functions may serve at once (Lambda quotas)."""
    mappings: dict[str, Settings] = field(default_factory=dict)
    former: set[str] = field(default_factory=set)
    """Function URLs that are no more."""

    def deployed(self, name: str, qualifier: str = "") -> Deployed:
        """Return a function by its name. Raises `Fault`, which names what was asked for."""
        found = self.functions.get(name) or self.functions.get(self.logical.get(name, ""))
        if found is None:
            raise unfound(self.place, name, qualifier)
        return found

    def set_apart(self) -> int:
        """Return how much of `concurrent` is some function's own."""
        return sum(
            each.reserved if each.reserved is not None else each.provided()
            for each in self.functions.values()
        )

    def revision(self, name: str, qualifier: str) -> str:
        """Return the revision of a function, a version or an alias."""
        found = self.functions[name].aliases.get(qualifier) or self.version(name, qualifier).settings
        return str(found["RevisionId"])

    def revise(self, name: str, qualifier: str, revision: str) -> None:
        """Give a function, a version or an alias a new revision."""
        found = self.functions[name].aliases.get(qualifier) or self.version(name, qualifier).settings
        found["RevisionId"] = revision

    def version(self, name: str, qualifier: str = "", draw: float = 1.0) -> Version:
        """Return what a name and qualifier mean; of an alias with weights what `draw` falls on, in [0, 1),
        and without one its own version. Raises `Fault`."""
        found = self.deployed(name, qualifier)
        if qualifier in {"", LATEST}:
            return found.latest
        if alias := found.aliases.get(qualifier):
            number = _drawn(alias, draw)
            return found.versions[number] if number != LATEST else found.latest
        if qualifier not in found.versions:
            raise unfound(self.place, name, qualifier)
        return found.versions[qualifier]


def _drawn(alias: Mapping[str, Any], draw: float) -> str:
    """Return the version of an alias that a number in [0, 1) falls on."""
    weights: Mapping[str, float] = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    for number, weight in weights.items():
        if draw < weight:
            return number
        draw -= weight
    return str(alias["FunctionVersion"])
