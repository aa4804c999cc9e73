"""Progress on standard error for anything longer than two seconds; silent when it is not a terminal."""

from __future__ import annotations

import sys
import time


class Progress:
    """Names the step at work, from two seconds on, on one line that is wiped at the end."""

    def __init__(self, quiet_seconds: float = 2.0) -> None:
        self.started = time.monotonic()
        self.quiet_seconds = quiet_seconds
        self.shown = 0

    def step(self, text: str) -> None:
        """Say what is being done now."""
        elapsed = time.monotonic() - self.started
        if elapsed < self.quiet_seconds or not sys.stderr.isatty():
            return
        line = f"{elapsed:4.0f} s  {text}"
        sys.stderr.write("\r" + line.ljust(self.shown))
        sys.stderr.flush()
        self.shown = len(line)

    def done(self) -> None:
        """Wipe the line."""
        if self.shown:
            sys.stderr.write("\r" + " " * self.shown + "\r")
            sys.stderr.flush()
            self.shown = 0
