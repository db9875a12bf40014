"""The mappings of a study, for notebooks and for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.mapping.apply import Applied, apply_review
from plait.mapping.review import write_review
from plait.mapping.suggest import BY_CODE, Candidate, Wanted, suggest
from plait.mapping.unmapped import Unmapped, list_unmapped, open_map
from plait.mapping.upgrade import ReleaseDifference, compare_release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plait.etl.commit import Version
    from plait.mapping.suggest import Comparison
    from plait.settings import Settings


@dataclass(frozen=True, slots=True)
class Suggested:
    """What was suggested, and where it stands.

    Attributes:
        file: The review file.
        codes: Codes in it, one line each.
        with_candidates: How many of them have a candidate.
        by_code: How many have the candidate that comes first for their code in another vocabulary.
    """

    file: Path
    codes: int
    with_candidates: int
    by_code: int


@dataclass(frozen=True, slots=True)
class Mappings:
    """Which codes of a study have no concept, what they may mean, and what was approved.

    Attributes:
        study: The study's folder.
        version: The version that is read.
        settings: What `plait.yaml` says.
    """

    study: Path
    version: Version
    settings: Settings

    def unmapped(
        self, *, source: str | None = None, system: str | None = None, domain: str | None = None, reason: str | None = None, least_rows: int = 0
    ) -> list[Unmapped]:
        """Give the codes without a standard concept, most rows first; see `plait.mapping.unmapped.list_unmapped`."""
        with open_map(self.study, self.version) as con:
            return list_unmapped(con, source=source, system=system, domain=domain, reason=reason, least_rows=least_rows)

    def suggest(
        self,
        target: Path,
        *,
        model: str | None = None,
        most: int = 5,
        source: str | None = None,
        system: str | None = None,
        domain: str | None = None,
        least_rows: int = 0,
    ) -> Suggested:
        """Write a review file with candidates for each code that has no concept.

        Args:
            target: The file.
            model: A sentence-embedding model, a folder or an id of the hub; names are compared by character n-grams if None.
            most: Candidates of each code at most.
            source: Only codes of this source.
            system: Only codes of this code system.
            domain: Only codes of this domain.
            least_rows: Only codes that at least so many rows name.
        """
        with open_map(self.study, self.version) as con:
            found = list_unmapped(con, source=source, system=system, domain=domain, least_rows=least_rows)
            codes: dict[tuple[str, str], list[Unmapped]] = {}
            for code in found:
                if code.reason != "no_match":
                    codes.setdefault((code.code_system, code.code), []).append(code)
            grouped = sorted(codes.values(), key=lambda group: (-sum(code.rows for code in group), group[0].code_system, group[0].code))
            wanted = [Wanted(g[0].code, next((c.display for c in g if c.display), None), g[0].domain_id, g[0].is_strict) for g in grouped]
            candidates: Sequence[Sequence[Candidate]] = suggest(con, wanted, most=most, comparison=self._comparison(model))
        write_review(target, list(zip(grouped, candidates, strict=True)))
        first = [candidate[0] for candidate in candidates if candidate]
        return Suggested(target, len(grouped), len(first), sum(candidate.reason.startswith(BY_CODE) for candidate in first))

    def apply(self, file: Path, *, by: str | None = None, dry_run: bool = False) -> Applied:
        """Enter the approved lines of a review file; see `plait.mapping.apply.apply_review`."""
        return apply_review(self.study, self.version, file, by=by, dry_run=dry_run)

    def release(self, athena: Path) -> ReleaseDifference:
        """Say what another vocabulary release would change; see `plait.mapping.upgrade.compare_release`."""
        return compare_release(self.study, self.version, self.settings, athena)

    def _comparison(self, model: str | None) -> Comparison | None:
        """Give how names are compared."""
        if model is None:
            return None
        from plait.mapping.meaning import SentenceModel

        return SentenceModel(self.study, model)
