"""One error class per situation; each builds its own message.

Exit codes: 2 the input is wrong, 3 no plan meets the limits, 4 stopped at a time limit, 1 anything unforeseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PlannerError(Exception):
    """Base of every error the planner raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it stands, and one sentence saying what was expected, found and what to do."""

    file: str
    line: int | None
    column: int | None
    message: str

    def __str__(self) -> str:
        where = self.file
        if self.line is not None:
            where += f":{self.line}"
            if self.column is not None:
                where += f":{self.column}"
        return f"{where}: {self.message}"


class InputError(PlannerError):
    """A file or argument from outside is wrong. Carries every mistake found, so that all are shown at once."""

    exit_code = 2

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(m) for m in self.mistakes))


class UnknownPart(PlannerError):
    """A part id is not in the catalog."""

    exit_code = 2

    def __init__(self, kind: str, given: str, nearest: Sequence[str]) -> None:
        self.kind, self.given, self.nearest = kind, given, tuple(nearest)
        hint = f" Nearest: {', '.join(nearest)}." if nearest else ""
        super().__init__(f'{kind} "{given}" is not in the catalog.{hint}')


class AmbiguousPart(PlannerError):
    """A name that several parts go by. `members` are their ids, `said` one line about each."""

    exit_code = 2

    def __init__(self, given: str, members: Sequence[str], said: Sequence[str] = ()) -> None:
        self.given, self.members = given, tuple(members)
        lines = "".join(f"\n  {line}" for line in said or members)
        super().__init__(f'"{given}" may be any of {len(self.members)} parts. Which one?{lines}')


class CatalogError(PlannerError):
    """The catalog contradicts itself or a record is malformed."""

    exit_code = 2


class VerificationError(PlannerError):
    """A plan does not add up. `findings` names each line or field that is wrong."""

    exit_code = 2

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(findings))


class NoPlan(PlannerError):
    """No plan meets the limits; `explanation` (planner.advice.Explanation) carries what clashes and what would help."""

    exit_code = 3

    def __init__(self, message: str, explanation: object | None = None) -> None:
        self.explanation = explanation
        super().__init__(message)


class SolverFailed(PlannerError):
    """The solver ended in a state from which no answer may be read."""


class TimeIsUp(SolverFailed):
    """A time limit came before an answer that may be told as proven."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an option was left out: for people the sentence, for machines the rule and the numbers.

    `rule` is a short kebab-case name, e.g. `memory-fit`, `form-factor`, `no-price`; `have` and `need` carry units.
    """

    part: str
    rule: str
    message: str
    have: str | None = None
    need: str | None = None
