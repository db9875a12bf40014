"""`plait export meds`: a study as a MEDS dataset, its persons under new ids and at shifted times."""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from plait import __version__
from plait.duck import literal, parquet, sql, write_parquet
from plait.export.meds.form import CODES_FILE, DATASET_FILE, VERSION, data_schema
from plait.export.meds.timeline import EVENTS_PER_FILE, Timeline
from plait.export.outgoing import Left, leaving, need_row_level
from plait.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from plait.etl.commit import Version
    from plait.export.meds.parts import Shares
    from plait.export.outgoing import Outgoing
    from plait.featurestore.splits import Split
    from plait.featurestore.store import Store
    from plait.progress import Progress
    from plait.settings import Settings

Codes = Literal["standard", "source"]

_PACKAGE = "plait.export.meds"


@dataclass(frozen=True, slots=True, kw_only=True)
class MedsExported(Left):
    """What was written.

    Attributes:
        rows: Rows of each table of the CDM that became events.
        events: Events of each table, and of each view.
        codes: Number of codes.
        shards: Number of files of events.
        labels: Rows of each task.
        splits: Persons of each part.
    """

    rows: Mapping[str, int]
    events: Mapping[str, int]
    codes: int
    shards: int
    labels: Mapping[str, int]
    splits: Mapping[str, int]


def export_meds(  # noqa: PLR0913 - each is a choice of the user's
    study: Path,
    version: Version,
    settings: Settings,
    target: Path,
    *,
    row_level: bool,
    cohorts: Sequence[Any] = (),
    views: Sequence[str] = (),
    split: str | None = None,
    codes: Codes = "standard",
    key: str | None = None,
    memory: str | None = None,
    threads: int | None = None,
    events_per_file: int = EVENTS_PER_FILE,
    progress: Progress = silent,
) -> MedsExported:
    """Write the events of a version's persons, de-identified, into a new folder, as MEDS 0.4 lays a dataset out.

    Args:
        study: The study's folder.
        version: The version.
        settings: Its policy says how small a cell may be, whether weekdays stay, and what is withheld.
        target: The folder.
        row_level: That rows of patients may leave; a timeline is nothing else.
        cohorts: Cohorts whose labels go along; see `plait.featurestore.store.Store.cohort`.
        views: Views whose embeddings go along.
        split: Who is for training and who is not; see `plait.export.meds.parts.asked_split`.
        codes: Which code an event has where there are both, the `standard` concept's or the `source`'s; the other one is in `other_code`.
        key: Name of the key in `private/`; without one, that of the policy, or a new key that is thrown away.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
        threads: Threads to use, all cores if None.
        events_per_file: About how many events a file of `data/` has.
        progress: Hears of events that were written.

    Raises:
        ConfigError: Row level was not asked for, something is in the target's place, or a cohort, view or split is none.
        ExportError: A check of severity `error` fails, or something identifies. Nothing is written.
    """
    need_row_level("plait export meds", row_level=row_level)
    asked = _asked(study, split)
    timeline = Timeline(codes, settings.policy.withheld, events_per_file=events_per_file)
    with leaving(study, version, settings, target, key=key, memory=memory, threads=threads, meanwhile=timeline.prepare, progress=progress) as out:
        labels = _write_labels(out, cohorts)
        for encoded in _write_embeddings(out, views):
            timeline.add(encoded)
        data = timeline.write(out.folder, progress)
        events = timeline.count(data)
        (out.folder / "metadata").mkdir(exist_ok=True)
        parts = _write_parts(out, asked)
        known = write_codes(out.con, out.folder, data)
        _write_metadata(out)
        hashes = out.seal(constants=(data_schema(),))
    return MedsExported(rows=timeline.rows, events=events, codes=known, shards=len(data), labels=labels, splits=parts, **out.left(target, hashes))


def _asked(study: Path, split: str | None) -> Shares | Split | None:
    """Give the split that is asked for."""
    if split is None:
        return None
    from plait.export.meds.parts import asked_split

    return asked_split(study, split)


def _write_labels(out: Outgoing, cohorts: Sequence[Any]) -> dict[str, int]:
    """Write the labels of cohorts, and give the rows of each task."""
    if not cohorts:
        return {}
    from plait.export.meds.labels import write_labels

    store = _store(out)
    return {task: rows for cohort in cohorts for task, rows in write_labels(out, store.cohort(cohort)).items()}


def _write_embeddings(out: Outgoing, views: Sequence[str]) -> Iterator[pa.Table]:
    """Write the vectors of views, and yield the events of each."""
    if views:
        from plait.export.meds.embeddings import write_embeddings

        store = _store(out)
        for place, view in enumerate(views):
            yield write_embeddings(out, store, view, place)


def _write_parts(out: Outgoing, asked: Shares | Split | None) -> dict[str, int]:
    """Write who is for training and who is not, where that is asked for, and give how many are in each part."""
    if asked is None:
        return {}
    from plait.export.meds.parts import write_splits

    return write_splits(out, asked)


def _store(out: Outgoing) -> Store:
    """Give the feature store of the version that leaves; most exports need none."""
    from plait.featurestore.store import Store
    from plait.featurestore.view import Reading

    return Store(Reading(out.study, out.version, out.settings, out.con))


def write_codes(con: duckdb.DuckDBPyConnection, folder: Path, data: Sequence[Path]) -> int:
    """Write every code that occurs, as an event, as what an event says, or as its other code; give their number."""
    lines = csv.reader((files(_PACKAGE) / "own_codes.csv").read_text(encoding="utf-8").splitlines()[1:], strict=True)
    own = ", ".join(f"({literal(prefix)}, {literal(description)})" for prefix, description in lines)
    con.execute(f"CREATE OR REPLACE TEMP TABLE own_code AS FROM (VALUES {own}) AS o (prefix, description)")
    written = sql(_PACKAGE, "written_codes").replace("written_event", parquet(*data)) if data else "SELECT CAST(NULL AS VARCHAR) AS code"
    return write_parquet(con, sql(_PACKAGE, "codes").replace("written_code", f"({written})"), folder / CODES_FILE)


def _write_metadata(out: Outgoing) -> None:
    """Write `metadata/dataset.json`; what MEDS has no word for (the terms of use, the vocabulary) is there under our own."""
    policy, settings, version = out.policy, out.settings, out.version
    query = f"SELECT finished_at, vocabulary_release FROM plait.runs WHERE run_id = {literal(version.run_id)}"
    (finished, release) = out.con.execute(query).fetchone() or (None, None)
    content = {
        "dataset_name": policy.title or settings.study,
        "dataset_version": str(version.version),
        "etl_name": "plait",
        "etl_version": __version__,
        "meds_version": VERSION,
        "created_at": finished.replace(tzinfo=dt.UTC).isoformat() if finished else None,
        "license": policy.license,
        "location_uri": policy.url,
        "raw_source_id_columns": ["row_id", "visit_id"],
        "code_modifier_columns": ["unit", "modifier"],
        "additional_value_modality_columns": ["embedding_row"],
        "other_extension_columns": ["end", "known_time", "table", "provenance", "other_code"],
        "duo": list(policy.duo) or None,
        "vocabulary_version": release,
    }
    told = {name: value for name, value in content.items() if value is not None}
    (out.folder / DATASET_FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
