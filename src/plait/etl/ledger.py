"""The books: what became of every record. If read is not loaded + merged + rejected + ignored, the run fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.errors import BooksError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plait.etl.sources.inventory import InputFile
    from plait.etl.stage import StagedFile


@dataclass(slots=True)
class Entry:
    """One line of the ledger: a file in a shape."""

    source: str
    file: str
    shape: str
    read: int = 0
    loaded: int = 0
    merged: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    written: int = 0

    @property
    def accounted(self) -> int:
        """Records with a fate."""
        return self.loaded + self.merged + sum(self.rejected.values()) + sum(self.ignored.values())


class Ledger:
    """Adds up the fates of all records of a run."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], Entry] = {}

    def add_staged(self, staged: StagedFile) -> None:
        """Enter a staged file: what it read, rejected and ignored."""
        entry = self._entry(staged.source, staged.file, staged.shape)
        entry.read += staged.records
        for reason, count in staged.rejected.items():
            entry.rejected[reason] = entry.rejected.get(reason, 0) + count
        for rule, count in staged.ignored.items():
            entry.ignored[rule] = entry.ignored.get(rule, 0) + count

    def add_unread(self, file: InputFile, records: int, rule: str) -> None:
        """Enter a file that no shape reads, under the rule that says why."""
        entry = self._entry(file.source, file.file or file.name, "none")
        entry.read += records
        entry.ignored[rule] = entry.ignored.get(rule, 0) + records

    def add_merged(self, file: InputFile, records: int) -> None:
        """Enter a file whose records went into those of another one."""
        entry = self._entry(file.source, file.file or file.name, "none")
        entry.read += records
        entry.merged += records

    def add_fates(self, fates: Iterable[tuple[str, str, str, int, int, int]]) -> None:
        """Enter what the shards loaded, merged and wrote: (source, file, shape, loaded, merged, written)."""
        for source, file, shape, loaded, merged, written in fates:
            entry = self._entry(source, file, shape)
            entry.loaded += loaded
            entry.merged += merged
            entry.written += written

    def add_rejects(self, rejects: Iterable[tuple[str, str, str, str, int]]) -> None:
        """Enter records rejected after staging: (source, file, shape, reason, records)."""
        for source, file, shape, reason, records in rejects:
            entry = self._entry(source, file, shape)
            entry.rejected[reason] = entry.rejected.get(reason, 0) + records

    def entries(self) -> list[Entry]:
        """Give all lines in order."""
        return [self._entries[key] for key in sorted(self._entries)]

    def check(self) -> None:
        """Fail where a record is lost or counted twice.

        Raises:
            BooksError: Names the first file and shape whose counts do not add up.
        """
        for entry in self.entries():
            if entry.read != entry.accounted:
                raise BooksError(
                    f"{entry.source}: {entry.file} as {entry.shape}",
                    expected=f"a fate for each of {entry.read:,} records",
                    got=f"{entry.accounted:,} (loaded {entry.loaded:,}, merged {entry.merged:,}, "
                    f"rejected {sum(entry.rejected.values()):,}, ignored {sum(entry.ignored.values()):,})",
                    todo="Nothing was committed. This is a fault in plait or in the source's SELECTs: please report it with `plait etl run --json`.",
                )

    def _entry(self, source: str, file: str, shape: str) -> Entry:
        return self._entries.setdefault((source, file, shape), Entry(source, file, shape))
