"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def atomic_write(path: Path, content: bytes) -> None:
    """Write `content` beside `path` and move it there in one step; on failure the old file stays as it was.

    OSError when the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)  # mkstemp gives 0600, which colleagues on a shared folder could not read
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
