"""Parsed catalog files kept between runs: the text of a folder is the key, so an answer is never stale.

One JSON file per folder of records in the user's cache folder, named by the digest of its files and of this format.
It starts with the digest of its own content: what is cut short or changed is read again from the sources. A folder
that others could write to is not trusted, and where nothing can be written every run simply parses.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from planner.files import atomic_write

FORMAT = b"1"
KEPT = 100  # folders kept; older ones are removed when a new one is written


def load(key: str) -> dict[str, Any] | None:
    """The parsed files of a folder by relative path, or None when they are not kept."""
    for folder in _folders():
        try:
            if not _trusted(folder):
                continue
            raw = (folder / _name(key)).read_bytes()
        except OSError:
            continue
        seal, _, body = raw.partition(b"\n")
        if seal.decode("ascii", "replace") != hashlib.sha256(body).hexdigest():
            continue
        found = json.loads(body)
        if isinstance(found, dict):
            return found
    return None


def save(key: str, parsed: dict[str, Any]) -> None:
    """Keep parsed files; what JSON would change (keys that are numbers) is left out and parsed every time."""
    kept = {name: data for name, data in parsed.items() if _survives(data)}
    body = json.dumps(kept, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    content = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    for folder in _folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _trusted(folder):
                continue
            atomic_write(folder / _name(key), content)
            _tidy(folder)
        except OSError:
            continue
        return


def _name(key: str) -> str:
    return "catalog-" + hashlib.sha256(FORMAT + key.encode()).hexdigest()[:32] + ".json"


def _folders() -> Iterator[Path]:
    """Where the cache may live, best first: PLANNER_CACHE (empty: nowhere), the user's own, the temporary folder."""
    given = os.environ.get("PLANNER_CACHE")
    if given is not None:
        if given:
            yield Path(given)
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    if home and Path(home).is_absolute():
        yield Path(home) / "planner"
    else:
        try:
            base = Path.home()
            yield base / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "planner"
        except RuntimeError:
            pass  # no home folder
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"planner-{user}"


def _trusted(folder: Path) -> bool:
    """A real folder of this user that nobody else may write to."""
    status = folder.lstat()
    if not hasattr(os, "getuid"):
        return folder.is_dir()
    return folder.is_dir() and not folder.is_symlink() and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _survives(data: Any) -> bool:
    """Whether JSON gives back exactly this."""
    if isinstance(data, dict):
        return all(isinstance(k, str) for k in data) and all(map(_survives, data.values()))
    if isinstance(data, list):
        return all(map(_survives, data))
    return data is None or isinstance(data, str | bool | int | float)


def _tidy(folder: Path) -> None:
    files = sorted(folder.glob("catalog-*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in files[KEPT:]:
        old.unlink(missing_ok=True)
