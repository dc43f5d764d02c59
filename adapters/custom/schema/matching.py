"""Patterns against texts: find one in a text, and write a text that has one; both in bounded time."""

from __future__ import annotations

from functools import lru_cache
from typing import assert_never

import attrs

from adapters.custom.draws import Draws
from adapters.custom.schema.budget import Budget
from adapters.custom.schema.chars import WORD, Chars
from adapters.custom.schema.errors import SchemaRefused, Unfit
from adapters.custom.schema.pattern import Either, Mark, Node, Repeat, Run, parse

MAX_TEXT = 10_000
"""Characters that a written text has at most."""
MAX_STATES = 5_000
_STATES_A_STEP = 4

_WORD = Chars(WORD)
Step = tuple[str, "Chars | Mark | None", int, int]
"""A step of a program: char (set, next), mark (mark, next), fork (one, other) or done."""


@lru_cache(maxsize=64)
def tree(pattern: str) -> Node:
    """Return the tree of a pattern."""
    return parse(pattern)


def found_in(pattern: str, text: str, budget: Budget) -> bool:
    """Whether a pattern is found anywhere in a text, as JSON Schema asks."""
    program = _program(pattern)
    states: set[int] = set()
    for place in range(len(text) + 1):
        states.add(0)
        reached = _reached(program, states, text, place)
        budget.spend(1 + len(reached) // _STATES_A_STEP)
        if any(program[state][0] == "done" for state in reached):
            return True
        if place == len(text):
            break
        code = ord(text[place])
        states = {program[state][2] for state in reached if _takes(program[state], code)}
    return False


@attrs.define
class Writer:
    """Writes a text that a pattern is found in, with about `spare` characters more than it must have."""

    draws: Draws
    budget: Budget
    spare: int

    def write(self, node: Node) -> str:
        """Return the text for a node; raises `Unfit` where it would be too long."""
        match node:
            case Chars():
                return node.pick(self.draws)
            case Mark():
                return ""
            case Run():
                return "".join([self.write(part) for part in node.parts])
            case Either():
                return self.write(self._option(node))
            case Repeat():
                return self._repeat(node)
            case _:
                assert_never(node)

    def _option(self, node: Either) -> Node:
        least = node.least
        affordable = [option for option in node.options if option.least <= least + self.spare]
        chosen = self.draws.pick(affordable)
        self.spare -= chosen.least - least
        return chosen

    def _repeat(self, node: Repeat) -> str:
        cost = node.part.least
        if cost * node.low > MAX_TEXT:
            raise too_long()
        times = node.low
        if cost:
            more = self.spare // cost
            times += more if node.high is None else min(more, node.high - node.low)
            self.spare -= (times - node.low) * cost
        elif node.high is None or node.high > node.low:
            times += 1
        self.budget.spend(1 + times)
        return "".join([self.write(node.part) for _ in range(times)])


def too_long() -> Unfit:
    """Return what is raised for a text beyond the limit."""
    return Unfit(f"it asks for a text of more than {MAX_TEXT} characters")


@lru_cache(maxsize=64)
def _program(pattern: str) -> tuple[Step, ...]:
    program: list[Step] = []
    _compile(tree(pattern), program)
    return (*program, ("done", None, 0, 0))


def _compile(node: Node, program: list[Step]) -> None:
    """Append the steps of a node; they end where the next one begins."""
    if len(program) > MAX_STATES:
        raise SchemaRefused("a pattern is too large")
    match node:
        case Chars():
            program.append(("char", node, len(program) + 1, 0))
        case Mark():
            program.append(("mark", node, len(program) + 1, 0))
        case Run():
            for part in node.parts:
                _compile(part, program)
        case Either():
            _compile_either(node, program)
        case Repeat():
            _compile_repeat(node, program)
        case _:
            assert_never(node)


def _compile_either(node: Either, program: list[Step]) -> None:
    ends = []
    for option in node.options[:-1]:
        fork = _reserve(program)
        _compile(option, program)
        ends.append(_reserve(program))
        program[fork] = ("fork", None, fork + 1, len(program))
    _compile(node.options[-1], program)
    for end in ends:
        program[end] = ("fork", None, len(program), len(program))


def _compile_repeat(node: Repeat, program: list[Step]) -> None:
    for _ in range(node.low):
        _compile(node.part, program)
    if node.high is None:
        fork = _reserve(program)
        _compile(node.part, program)
        program.append(("fork", None, fork, fork))
        program[fork] = ("fork", None, fork + 1, len(program))
        return
    for _ in range(node.high - node.low):
        fork = _reserve(program)
        _compile(node.part, program)
        program[fork] = ("fork", None, fork + 1, len(program))


def _reserve(program: list[Step]) -> int:
    """Leave room for a fork whose ends are not known yet, and return its place."""
    program.append(("fork", None, 0, 0))
    if len(program) > MAX_STATES:
        raise SchemaRefused("a pattern is too large")
    return len(program) - 1


def _reached(program: tuple[Step, ...], states: set[int], text: str, place: int) -> set[int]:
    """Return the states that can be reached from here without a character."""
    reached: set[int] = set()
    pending = list(states)
    while pending:
        state = pending.pop()
        if state in reached:
            continue
        reached.add(state)
        kind, what, one, other = program[state]
        if kind == "fork":
            pending += (one, other)
        elif kind == "mark" and isinstance(what, Mark) and _stands(what, text, place):
            pending.append(one)
    return reached


def _takes(step: Step, code: int) -> bool:
    return isinstance(step[1], Chars) and step[1].holds(code)


def _stands(mark: Mark, text: str, place: int) -> bool:
    if mark.kind == "^":
        return place == 0
    if mark.kind == "$":
        return place == len(text)
    before = place > 0 and _WORD.holds(ord(text[place - 1]))
    after = place < len(text) and _WORD.holds(ord(text[place]))
    return (before != after) == (mark.kind == "b")
