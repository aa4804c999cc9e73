"""What a lint rule says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: an error or a warning, the rule that found it, the part, and one sentence with both numbers."""

    level: Literal["error", "warning"]
    rule: str
    part: str
    message: str

    def __str__(self) -> str:
        return f"{self.level}: {self.part + ': ' if self.part else ''}{self.message} [{self.rule}]"
