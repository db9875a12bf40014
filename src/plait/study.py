"""A study: the façade over a study folder, for notebooks and for the command line."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.duck import listed, sql
from plait.errors import ConfigError, StudyError
from plait.etl.commit import Version, newest_version, read_version, versions, warehouse_of, writing
from plait.progress import silent
from plait.settings import DEFAULT_SHARD_PERSONS, SETTINGS_FILE, Settings, read_settings
from plait.workfolder import need_place

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import duckdb
    import polars as pl

    from plait.erasure.forget import Forgotten
    from plait.etl.executor import Executor, LocalExecutor
    from plait.etl.gc import Collected
    from plait.etl.images.show import Shown
    from plait.etl.images.verify import Verified
    from plait.etl.omics.assay import Assay
    from plait.etl.omics.variants import Variants
    from plait.etl.pipeline import RunReport
    from plait.etl.publish import PublishReport
    from plait.etl.vocabulary import Release
    from plait.export import mudata
    from plait.export.fair.package import Packaged
    from plait.export.meds.dataset import MedsExported
    from plait.export.omop import Exported
    from plait.export.phenopackets.export import Packets
    from plait.featurestore.cohorts import Cohort
    from plait.featurestore.embed import Embedded
    from plait.featurestore.fitting import Fitted
    from plait.featurestore.overview import Overview
    from plait.featurestore.store import Store
    from plait.featurestore.table import FusionTable
    from plait.mapping.mappings import Mappings
    from plait.progress import Progress
    from plait.schema.reasons import Reason
    from plait.validators.examiner import Held, Items
    from plait.validators.expectations.options import Options
    from plait.validators.report import Validated

_FIRST_SETTINGS = """\
study: {name}
vocabulary: {vocabulary}               # an Athena download: CONCEPT.csv, CONCEPT_RELATIONSHIP.csv, …
sources:
  - {{name: ehr, kind: synthea, path: data/synthea}}
shard_persons: {shard_persons}                    # persons per shard: once the study has run, it stays as it is
# time_zone: Europe/Brussels              # what zoned times are converted to (UTC if left out)
# mappings: [data/mappings.csv]           # your own SOURCE_TO_CONCEPT_MAP files
"""


class Study:
    """A study folder and one version of what was made in it.

    Attributes:
        path: The study's folder.
        version: The version that is read; None before the first run.
    """

    def __init__(self, path: Path, version: Version | None, *, pinned: bool = False) -> None:
        self.path, self.version, self._pinned = path, version, pinned
        self._store: Store | None = None

    def __repr__(self) -> str:
        number = f"version {self.version.version}" if self.version else "not run yet"
        return f"Study({str(self.path)!r}, {number})"

    @property
    def settings(self) -> Settings:
        """What `plait.yaml` says now."""
        return read_settings(self.path)

    def run_etl(
        self,
        *,
        sources: Sequence[str] = (),
        threads: int | None = None,
        memory: str | None = None,
        rehash: bool = False,
        full: bool = False,
        dry_run: bool = False,
        executor: Executor | LocalExecutor = "threads",
        progress: Progress | None = None,
    ) -> RunReport:
        """Bring the CDM up to date with the source files; see `plait.etl.pipeline.run_etl`.

        Args:
            sources: Sources whose files are looked at, all if empty; those of the others stand as they were read last.
            threads: Threads to use, all cores if None.
            memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
            rehash: Read files whose size and time are unchanged, too.
            full: Compute everybody anew, not only persons whose records changed.
            dry_run: Do all but commit, and give what would change in each table.
            executor: Runs independent tasks.
            progress: Hears about steps, and rows passing through them.
        """
        from plait.etl.pipeline import run_etl
        from plait.etl.run import RunOptions

        self._check_newest()
        others = {"rehash": rehash, "full": full, "dry_run": dry_run, "sources": tuple(sources), "progress": progress or silent}
        options = RunOptions.on_this_machine(threads, memory, executor, **others)
        report = run_etl(self.path, self.settings, options)
        self.version = newest_version(self.path)
        return report

    def load_vocabulary(self, athena: Path | None = None) -> Release:
        """Load an Athena download, by default the one that `plait.yaml` names; see `plait.etl.vocabulary`."""
        from plait.duck import connect
        from plait.etl.vocabulary import choose_release, load_vocabulary

        named = self.settings.vocabulary
        source = athena.resolve() if athena is not None else named
        if source is None:
            raise ConfigError(
                self.path / SETTINGS_FILE, expected="the folder of an Athena download", got="none", todo="Name it: `plait vocabulary load ATHENA`."
            )
        if named is not None and source != named.resolve():
            raise ConfigError(
                self.path / SETTINGS_FILE,
                expected=f"'vocabulary: {athena}'",
                got=f"'{named}'",
                todo="Change the key 'vocabulary' in plait.yaml, which decides what a run uses.",
            )
        with writing(self.path):
            con = connect()
            try:
                release = load_vocabulary(con, source, warehouse_of(self.path) / "vocabulary")
                choose_release(release)
                return release
            finally:
                con.close()

    def vocabulary(self) -> Release:
        """Give the release that this version was made with; before the first run, the one that was loaded last."""
        from plait.etl.vocabulary import chosen_release, read_release

        if self.version is not None and self.version.vocabulary is not None:
            return read_release(warehouse_of(self.path) / self.version.vocabulary)
        loaded = chosen_release(warehouse_of(self.path) / "vocabulary")
        if loaded is None:
            raise StudyError(self.path, expected="a vocabulary", got="none loaded", todo="Load one: `plait vocabulary load ATHENA`.")
        return read_release(loaded)

    def publish(self, url: str, *, schema: str = "cdm", progress: Progress | None = None) -> PublishReport:
        """Write this version's CDM into a schema of a PostgreSQL database; see `plait.etl.publish.publish`."""
        from plait.etl.publish import publish

        return publish(self.path, self._committed(), url, schema=schema, progress=progress or silent)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Give an in-memory DuckDB connection with the schemas `cdm` and `plait` of this version."""
        from plait.etl.catalog import open_catalog

        return open_catalog(self.path, self._committed())

    def table(self, name: str) -> pl.DataFrame:
        """Give a table (`"person"`, or `"plait.ledger"`) as a Polars frame."""
        from plait.duck import quoted

        schema, _, table = name.rpartition(".")
        frame: pl.DataFrame = self.connect().execute(f"SELECT * FROM {quoted(schema or 'cdm')}.{quoted(table)}").pl()
        return frame

    def assay(self, name: str) -> Assay:
        """Open a matrix of molecular data (`"rna.tpm"`) of this version; see `plait.etl.omics.assay`."""
        from plait.etl.omics.assay import open_assay

        return open_assay(self.path, self._committed(), name)

    def variants(self, name: str, *, classes: Sequence[str] | None = None) -> Variants:
        """Count the variants of an assay (`"msk.mutations"`) by specimen and gene; see `plait.etl.omics.variants`.

        Args:
            name: The assay.
            classes: Classes of variants that count (`Missense_Mutation`, …); all if None.

        Raises:
            ConfigError: The version has no variants of this assay.
        """
        from plait.etl.omics.variants import Variants

        return Variants(self.path, self._committed(), name, classes)

    @property
    def mappings(self) -> Mappings:
        """Codes without a concept, what they may mean, and what was approved; see `plait.mapping.mappings`."""
        from plait.mapping.mappings import Mappings

        return Mappings(self.path, self._committed(), self.settings)

    @property
    def store(self) -> Store:
        """The feature store of this version; what its views have prepared is kept until another version is there."""
        from plait.featurestore.store import Store
        from plait.featurestore.view import Reading

        version, settings = self._committed(), self.settings
        if self._store is None or (self._store.reading.version, self._store.reading.settings) != (version, settings):
            self._store = Store(Reading(self.path, version, settings, self.connect()))
        return self._store

    def features(self) -> list[Overview]:
        """Give the views that `plait.yaml` declares, and of how many persons each is there; see `plait.featurestore.overview`."""
        from plait.featurestore.overview import overview

        return overview(self.store)

    def cohort(self, source: Any) -> Cohort:  # noqa: ANN401 - a name, a number, a path or a frame
        """Give a cohort: by its name in `plait.yaml`, a `cohort_definition_id`, the path of a file, or a frame; see `plait.featurestore.store.Store.cohort`."""
        return self.store.cohort(source)

    def get_historical_features(
        self,
        rows: Any,  # noqa: ANN401 - a frame of any kind
        views: Sequence[str] | None = None,
        *,
        clock: str = "known",
        audit: bool = False,
        like: FusionTable | Fitted | None = None,
    ) -> FusionTable:
        """Give what was known of each row's person at its moment, in every view; see `plait.featurestore.store.Store.get_historical_features`."""
        return self.store.get_historical_features(rows, views, clock=clock, audit=audit, like=like)

    def embed(self, views: Sequence[str] | None = None, *, retry: bool = False, progress: Progress | None = None) -> list[Embedded]:
        """Encode the items of views (notes, series, slides) that have no embedding yet; see `plait.featurestore.embed`.

        An item is encoded once for each encoder, by its content. One that fails is a row with its reason, and the others go on.

        Args:
            views: Names of views; all whose items are encoded if None.
            retry: Try again what failed before.
            progress: Hears of items that were encoded.

        Raises:
            ConfigError: A view that is not declared or has nothing to encode, or an encoder that is not declared as its kind asks.
            EncoderError: An encoder is not what it was declared or registered as.
            MissingExtraError: An encoder needs packages that are not installed.
        """
        from plait.featurestore.embed import embed

        self._check_newest()
        if not self.settings.features:
            return []
        try:
            return embed(self.store, views, retry=retry, progress=progress or silent)
        finally:
            self._store = None  # its views hold tables as they were before

    def status(self) -> dict[str, Any]:
        """Give the books of the newest run: run, ledger, reasons, columns nobody accounts for, what was read in notes, notices, rows per table."""
        from plait.etl.status import status

        return status(self.connect(), self._committed().run_id)

    def rejects(self, *, reason: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Give rejected records with their reason, place and raw text, in order of file and record."""
        return listed(self.connect(), sql("plait.etl", "rejects_listed"), {"reason": reason, "most": limit})

    def trace(self, table: str, row_id: int) -> dict[str, Any]:
        """Give the records, mapping and run behind a CDM row; see `plait.etl.trace.trace`."""
        from plait.etl.trace import trace

        return trace(self.path, self._committed(), table, row_id)

    def digest(self) -> dict[str, str]:
        """Give a digest of every table and of the study, the same however it was computed; see `plait.etl.digest`."""
        from plait.etl.digest import study_digest

        return study_digest(self.path, self._committed())

    def verify(self, *, rehash: bool = False, threads: int | None = None, progress: Progress | None = None) -> Verified:
        """Check whether the files of all images are there, and what they were when they were indexed; see `plait.etl.images.verify`.

        Args:
            rehash: Read files whose size and time are unchanged, too.
            threads: Files that are read side by side; as many as there are cores if None.
            progress: Hears of files that were checked.
        """
        from plait.etl.images.verify import verify

        self._check_newest()
        return verify(self.path, self._committed(), self.settings, rehash=rehash, threads=threads, progress=progress or silent)

    def validate(
        self,
        *checks: str,
        today: dt.date | None = None,
        threads: int | None = None,
        memory: str | None = None,
        snapshots: Sequence[str | Path] = (),
        expectations: Options | None = None,
        progress: Progress | None = None,
    ) -> Validated:
        """Check this version against the rules of the CDM and of plait, and keep what was found; see `plait.validators.validate.validate_study`.

        Args:
            checks: Checks to make, by id, type or table, with `*` for what varies; all if there is none. Only all are kept.
            today: The date that checks compare with; the day it is if None.
            threads: Threads to use, all cores if None.
            memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
            snapshots: Snapshots that lie elsewhere than in the study's folder `snapshots`; they alone are checked where no check is named.
            expectations: What is asked of Great Expectations, see `plait.validators.expectations.options`; Data Docs, where it is installed, if None.
            progress: Hears of tables that were scanned.
        """
        from plait.validators.expectations.options import Options
        from plait.validators.validate import validate_study

        return validate_study(
            self.path,
            self._committed(),
            self.settings,
            chosen=checks,
            today=today,
            threads=threads,
            memory=memory,
            held=self._held(snapshots),
            options=expectations or Options(),
            progress=progress or silent,
        )

    def checks(self, *checks: str, snapshots: Sequence[str | Path] = (), expectations: Options | None = None) -> list[dict[str, Any]]:
        """Give the checks that there are for this version, or those that are named; see `plait.validators.validate.checks_of_study`."""
        from plait.validators.expectations.options import Options
        from plait.validators.validate import checks_of_study

        options = expectations or Options()
        return checks_of_study(self.path, self._committed(), self.settings, checks, held=self._held(snapshots), options=options)

    def offending(
        self,
        check: str,
        *,
        today: dt.date | None = None,
        limit: int | None = None,
        snapshots: Sequence[str | Path] = (),
        expectations: Options | None = None,
    ) -> dict[str, Any]:
        """Give the rows that offend a check, with the source records behind each; see `plait.validators.validate.offending_rows`."""
        from plait.validators.expectations.options import Options
        from plait.validators.validate import offending_rows

        options, held = expectations or Options(), self._held(snapshots)
        return offending_rows(self.path, self._committed(), self.settings, check, today=today, limit=limit, held=held, options=options)

    def export_omop(self, target: Path | str, **options: Any) -> Exported:  # noqa: ANN401 - those of the function that it names
        """Write the CDM of this version, de-identified, into a new folder; see `plait.export.omop.export_omop`."""
        from plait.export.omop import export_omop

        return export_omop(self.path, self._committed(), self.settings, Path(target), **options)

    def export_fair(self, target: Path | str, **options: Any) -> Packaged:  # noqa: ANN401 - those of the function that it names
        """Write a FAIR package of this version; see `plait.export.fair.package.export_fair`."""
        from plait.export.fair.package import export_fair

        return export_fair(self.path, self._committed(), self.settings, Path(target), **options)

    def export_mudata(self, target: Path | str, **options: Any) -> mudata.Exported:  # noqa: ANN401 - those of the function that it names
        """Write snapshots as MuData; see `plait.export.mudata.export_mudata`."""
        from plait.export.mudata import export_mudata

        return export_mudata(self.path, self._committed(), self.settings, Path(target), **options)

    def export_phenopackets(self, target: Path | str, **options: Any) -> Packets:  # noqa: ANN401 - those of the function that it names
        """Write a GA4GH phenopacket for each person of this version; see `plait.export.phenopackets.export.export_phenopackets`."""
        from plait.export.phenopackets.export import export_phenopackets

        return export_phenopackets(self.path, self._committed(), self.settings, Path(target), **options)

    def export_meds(self, target: Path | str, **options: Any) -> MedsExported:  # noqa: ANN401 - those of the function that it names
        """Write the events of this version's persons, de-identified, as a MEDS dataset; see `plait.export.meds.dataset.export_meds`."""
        from plait.export.meds.dataset import export_meds

        return export_meds(self.path, self._committed(), self.settings, Path(target), **options)

    def show(self, item: str | int, target: Path, *, force: bool = False) -> Shown:
        """Write a PNG of an image, for a person to look at; see `plait.etl.images.show`.

        Args:
            item: An image_occurrence_id, or the UID of a series, or the name of a slide.
            target: The file to write.
            force: Whether a file that is there may be replaced.
        """
        from plait.etl.images.show import show_image

        with self.connect() as con:
            return show_image(con, self.settings, str(item), target, force=force)

    def image_reason(self, image_occurrence_id: int) -> Reason:
        """Give OBSERVED, or UNREACHABLE where the last check found that a file of an image is not where or what it was.

        Raises:
            StudyError: No such image.
        """
        from plait.etl.images.verify import reachable

        with self.connect() as con:
            reason = reachable(con, image_occurrence_id)
        if reason is None:
            raise StudyError(self.path, expected="an image", got="none of this id", todo="See plait.image_item for what there is.")
        return reason

    def report(self, target: Path | str | None = None) -> Path:
        """Write the study's web page, one file that needs nothing else, and give its place; see `plait.report.facts` for what it tells.

        Args:
            target: The file; `reports/study.html` in the study if None.

        Raises:
            ConfigError: The place is a folder.
        """
        from plait.report.page import PAGE, write_page

        file = self.path / PAGE if target is None else Path(target)
        write_page(self.store, file)
        return file

    def collect_garbage(self, *, keep: int = 1, dry_run: bool = False) -> Collected:
        """Remove old versions and the files that only they name; see `plait.etl.gc.collect_garbage`."""
        from plait.etl.gc import collect_garbage

        return collect_garbage(self.path, keep=keep, dry_run=dry_run)

    def forget(self, *persons: int | str, dry_run: bool = False, progress: Progress | None = None) -> list[Forgotten]:
        """Take persons out of all versions, embedding tables, molecular files and snapshots, and look through the study for what is left.

        See `plait.erasure.forget.forget`. Old files go at once: whoever reads an older version meanwhile is left without.

        Args:
            persons: `person_id`, or `SYSTEM=IDENTIFIER`, of each; nobody, to end what was stopped.
            dry_run: Change nothing, and say what there is of them.
            progress: Hears of steps.
        """
        from plait.erasure.forget import forget

        self._check_newest()
        done = forget(self.path, self.settings, [str(person) for person in persons], dry_run=dry_run, progress=progress or silent)
        self.version, self._store = newest_version(self.path), None
        return done

    def _held(self, snapshots: Sequence[str | Path]) -> Held:
        """Give what is checked beside the CDM: the items of views, and snapshots that lie elsewhere."""
        from plait.validators.examiner import Held

        return Held(self._items, tuple(Path(one) for one in snapshots))

    def _items(self, view: str) -> Items:
        """Give the items of a view that is encoded, for those who check its embedding table."""
        from plait.featurestore.items import ItemView
        from plait.validators.examiner import Items

        opened = self.store.view(view)
        if not isinstance(opened, ItemView):
            raise ConfigError(f"view '{view}'", expected="a view whose items are encoded", got=f"one of kind '{opened.modality}'", todo="Leave 'encoder' out.")
        return Items(opened.inventory(), opened.table_name, opened.declared)

    def _check_newest(self) -> None:
        """Fail where the study was opened at a version of choice."""
        if self._pinned:
            raise StudyError(
                self.path,
                expected="a study opened at its newest version",
                got=f"one opened at version {self._committed().version}",
                todo="Open it without a version to write.",
            )

    def _committed(self) -> Version:
        if self.version is None:
            raise StudyError(self.path, expected="a study with a finished run", got="none yet", todo=f"Run it first: `plait run -s {self.path}`.")
        return self.version


def open_study(path: str | Path = ".", *, version: int | None = None) -> Study:
    """Open the study in a folder, at its newest version or at `version`.

    Raises:
        ConfigError: The folder is no study.
        StudyError: No such version.
    """
    folder = Path(path)
    if not (folder / SETTINGS_FILE).is_file():
        raise ConfigError(
            folder, expected=f"a study (a folder with a {SETTINGS_FILE})", got="none", todo=f"Make one with `plait init {folder}`, or name another with -s DIR."
        )
    folder = folder.resolve()
    _need_plain(folder)
    committed = newest_version(folder) if version is None else read_version(folder, _existing(folder, version))
    return Study(folder, committed, pinned=version is not None)


def _need_plain(folder: Path) -> None:
    """Fail where a path has signs of a pattern: DuckDB would read the files of another study that it fits."""
    if has_magic(str(folder)):
        raise ConfigError(folder, expected="a path without *, ? and [", got="one with such a sign", todo="Rename the folder, or that above it which has it.")


def init_study(path: Path, *, vocabulary: str = "data/athena") -> Study:
    """Make a study folder with a first `plait.yaml`, readable by its owner only (mode 0700).

    Raises:
        ConfigError: There is a `plait.yaml` already, or no folder can be made there.
    """
    settings = path / SETTINGS_FILE
    if settings.exists():
        raise ConfigError(settings, expected="a folder without a study", got="one that is a study", todo="Name another folder.")
    need_place(path)
    _need_plain(path.resolve())
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    name = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in path.resolve().name).strip("-_.") or "study"
    settings.write_text(_FIRST_SETTINGS.format(name=name, vocabulary=vocabulary, shard_persons=DEFAULT_SHARD_PERSONS), encoding="utf-8")
    return Study(path.resolve(), None)


def _existing(folder: Path, version: int) -> int:
    """Give `version` if it is one that was committed."""
    if version not in versions(folder):
        raise StudyError(folder, expected=f"version {version}", got=f"versions {', '.join(map(str, versions(folder))) or 'none'}", todo="Open one of these.")
    return version
