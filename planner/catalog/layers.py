"""One catalog folder: its files, their digest, and their parsed content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from planner.catalog import cache
from planner.catalog.text import MAX_FILE_BYTES, parse_yaml
from planner.errors import CatalogError

SUFFIXES = (".yaml", ".csv")
MAX_FILES = 5_000
MAX_LAYER_BYTES = 64 * 1024 * 1024


class Layer:
    """A folder of catalog files, read once. `kept`: parsed content may come from and go to the user's cache."""

    def __init__(self, folder: Path, kept: bool = True) -> None:
        self.folder, self._kept = folder, kept
        self._parsed: dict[str, Any] = {}
        self._read: set[str] = set()

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """Every catalog file by its path relative to the folder, in path order. CatalogError where it is too large."""
        found: dict[str, bytes] = {}
        total = 0
        for relative in sorted(self._paths()):
            path = self.folder / relative
            try:
                size = path.stat().st_size
                if size > MAX_FILE_BYTES:
                    raise CatalogError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MB.")
                total += size
                if total > MAX_LAYER_BYTES or len(found) >= MAX_FILES:
                    raise CatalogError(f"{self.folder}: too much for a catalog: over {MAX_LAYER_BYTES // 2**20} MB.")
                found[relative] = path.read_bytes()
            except OSError as error:
                raise CatalogError(f"{path}: cannot be read: {error.strerror}.") from error
        return found

    def _paths(self) -> Iterator[str]:
        for place, folders, names in os.walk(self.folder):
            folders[:] = [f for f in folders if not f.startswith(".")]
            prefix = Path(place).relative_to(self.folder).as_posix()
            for name in names:
                if name.endswith(SUFFIXES) and not name.startswith("."):
                    yield name if prefix == "." else f"{prefix}/{name}"

    @cached_property
    def digest(self) -> bytes:
        """What names and contents of all files hash to, wherever the folder stands."""
        digest = hashlib.sha256()
        for relative, content in self.contents.items():
            digest.update(f"{relative}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.digest()

    def names(self, kind: str, suffix: str = ".yaml") -> list[str]:
        """Files directly inside one folder of the layer, in path order."""
        return [n for n in self.contents if n.endswith(suffix) and n.rpartition("/")[0] == kind]

    def yaml(self, relative: str) -> Any:
        """The data of one YAML file of the layer; what else stands in its folder is read with it."""
        kind = relative.rpartition("/")[0]
        if self._kept and kind not in self._read:
            self._read.add(kind)
            self._parsed |= self._folder(kind)
        if relative not in self._parsed:
            self._parsed[relative] = parse_yaml(self.contents[relative], str(self.folder / relative))
        return self._parsed[relative]

    def _folder(self, kind: str) -> dict[str, Any]:
        """Every YAML file of a folder: from the cache, else parsed and kept. A malformed one keeps nothing."""
        digest = hashlib.sha256()
        names = self.names(kind)
        for relative in names:
            digest.update(f"{relative}\0{len(self.contents[relative])}\0".encode())
            digest.update(self.contents[relative])
        key = digest.hexdigest()
        found = cache.load(key)
        if found is not None:
            return found
        parsed: dict[str, Any] = {}
        try:
            for relative in names:
                parsed[relative] = parse_yaml(self.contents[relative], str(self.folder / relative))
        except CatalogError:
            return parsed
        cache.save(key, parsed)
        return parsed
