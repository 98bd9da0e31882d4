"""The fault language: `drop trade every=500; cut client=1`, read into data and written back.

A fault is a kind, at most one target, and parameters in any order; faults are separated by `;` or
line ends. Whatever is not in the grammar is refused in one line that says what would be.
"""

import re
from typing import Any, Final

from msgspec import Struct

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.simulator.faults.grammar import KINDS, Grammar
from cloud_marketdata.simulator.faults.parameters import Parameter

SEPARATOR: Final = re.compile(r"[;\n]")
SELECTORS: Final = ("at", "every", "chance")


class FaultError(BadRequestError):
    """A fault cannot be read; the text is one line."""

    code = "bad_fault"


class Fault(Struct, frozen=True, kw_only=True):
    """A fault as it was asked for; what was not said is empty or 0.

    Spans (after, lasting, period, age, grace, ban) are milliseconds, retry_after is seconds.
    """

    kind: str
    target: str = ""
    venue: str = ""
    symbol: str = ""
    client: str = ""
    path: str = ""
    how: str = ""
    field: str = ""
    at: int = 0
    every: int = 0
    chance: float = 0
    times: int = 0
    after: int = 0
    lasting: int = 0
    period: int = 0
    age: int = 0
    grace: int = 0
    ban: int = 0
    retry_after: int = 0
    ms: int = 0
    by: int = 0
    divide: int = 0
    weight: int = 0
    inbound: int = 0

    def __str__(self) -> str:
        """Write the fault in its language."""
        words = [self.kind, self.target] if self.target else [self.kind]
        for parameter in KINDS[self.kind].parameters:
            value = getattr(self, parameter.field)
            if value:
                words.append(f"{parameter.name}={parameter.write(value)}")
        return " ".join(words)


def parse(text: str) -> list[Fault]:
    """Read faults; raises FaultError at the first that is none, and where there is not one."""
    parts = [part.strip() for part in SEPARATOR.split(text)]
    faults = [_fault(part) for part in parts if part]
    if not faults:
        msg = f"no fault in {text[:60]!r}; the kinds are {', '.join(KINDS)}"
        raise FaultError(msg)
    return faults


def _fault(text: str) -> Fault:
    kind, *words = text.split()
    grammar = KINDS.get(kind)
    if grammar is None:
        raise _wrong(text, f"no kind {kind!r}; the kinds are {', '.join(KINDS)}")
    target = words.pop(0) if words and "=" not in words[0] else ""
    values = _values(text, grammar, words)
    return Fault(kind=kind, target=_target(text, grammar, target), **values)


def _target(text: str, grammar: Grammar, target: str) -> str:
    if not target and len(grammar.targets) == 1:
        return grammar.targets[0]
    if bool(target) != bool(grammar.targets) or target not in ("", *grammar.targets):
        wanted = f"one of {', '.join(grammar.targets)}" if grammar.targets else "name=value only"
        raise _wrong(text, f"expected {wanted} behind the kind, not {target!r}")
    return target


def _values(text: str, grammar: Grammar, words: list[str]) -> dict[str, Any]:
    """Read `name=value` words into fields."""
    known = {parameter.name: parameter for parameter in grammar.parameters}
    given: dict[str, Parameter] = {}
    values = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in known or name in given:
            again = "twice" if name in given else f"not one of {', '.join(known)}"
            raise _wrong(text, f"{name!r} is {again}")
        parameter = given[name] = known[name]
        try:
            values[parameter.field] = parameter.read(value)
        except ValueError as error:
            raise _wrong(text, f"{name} is {error}, not {value!r}") from error
    _agreeing(text, grammar, given)
    return values


def _agreeing(text: str, grammar: Grammar, given: dict[str, Parameter]) -> None:
    if grammar.needs and sum(name in given for name in grammar.needs) != 1:
        raise _wrong(text, f"it needs exactly one of {', '.join(grammar.needs)}")
    if sum(name in given for name in SELECTORS) > 1:
        raise _wrong(text, "at, every and chance exclude each other")


def _wrong(text: str, reason: str) -> FaultError:
    return FaultError(f"fault {text[:80]!r}: {reason}")
