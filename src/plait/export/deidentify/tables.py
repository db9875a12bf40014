"""The CDM without what identifies: for each table, a SELECT in which each field is treated as `fields.csv` says.

| action | what becomes of a value |
|---|---|
| `keep` | it stays |
| `person` | the person's new id |
| `row` | the id of a row of the same person, by the new id of that |
| `fact` | the new id of what the domain beside it says that it is: a person, a provider, a care site, or a row |
| `location`, `care_site`, `provider` | the new number of the place or the provider |
| `shift` | the date, shifted as all of the person's are; of one that stands for a day that is not known (`macros.sql`), the first day of its year |
| `began`, `ended` | shifted; where periods begin or end by the calendar, the person's first or last record is taken: see `periods.sql` |
| `noted` | the note's date, shifted: when a program read the notes is one day for all of them, and would tell the shift |
| `common` | it stays where as many persons (of places and providers: as many of them) have it as the smallest cell, and it is no date, else it is left out |
| `years` | a number stays, but for more than 89 years, and of what is called an age for as much in other units, or without one |
| `year` | the first day of the year: who knows to the day where the data end, knows of many by how much their last day was shifted |
| `time` | a time of day stays, anything else is left out |
| `birth`, `zip`, `state` | generalised: see `births.sql` and `areas.sql` |
| `uid` | the UID that stands for it |
| `text` | withheld, or scrubbed: see `notes.py` |
| `drop` | left out |

Of tables that `fields.csv` does not name, nothing leaves but their columns.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.duck import filled, literal, quoted, sql
from plait.etl.harmonize.reference import fact_domain
from plait.etl.harmonize.row_ids import person_of
from plait.export.deidentify.text.names import names_of_months
from plait.schema import cdm_tables, empty_select

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import duckdb

    from plait.export.deidentify.key import ExportKey

DIMENSIONS = ("provider", "care_site", "location")
"""Tables of no person's rows, each before those that it points at."""

WITHHELD = "[withheld]"
"""What stands in the place of a text that must be there."""

_MONTHS = "|".join(names_of_months())
DATED = (
    r"(?i)(^|\D)(\d{4}[-/.] ?\d{1,2}[-/.] ?\d{1,2}|\d{1,2}[-/.] ?\d{1,2}[-/.] ?(\d{4}|\d{2}))(\D|$)"
    r"|^\s*(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{4}|\d{6})\s*$"
    rf"|(^|[^a-z])({_MONTHS})\.?[ ,/-]*(of |de |del )?(\d{{1,2}}[ ,/-]+)?(19|20)\d\d(\D|$)"
)
"""What has a date in it that could be shifted, as a regular expression of RE2, Rust and Python. Eight digits alone may be a code, and are none."""

_ACTIONS = {
    "keep": "{column}",
    "person": "s.new_id",
    "row": "new_row({column}, s.person_id, s.new_id)",
    "shift": "shifted_{type}({column}, s.shift_days, s.is_anchored)",
    "began": "shifted_{type}(w.began, s.shift_days, s.is_anchored)",
    "ended": "shifted_{type}(w.ended, s.shift_days, s.is_anchored)",
    "noted": (
        "CASE WHEN {column} IS NOT NULL THEN (SELECT shifted_{type}(n.note_{type}, s.shift_days, s.is_anchored) "
        "FROM cdm.note AS n WHERE n.note_id = t.note_id) END"
    ),
    "common": "CASE WHEN CAST({column} AS VARCHAR) IN (SELECT x.text_value FROM common_text AS x WHERE x.field = {common}) THEN {column} ELSE {nothing} END",
    "years": (
        "CASE WHEN {column} > 89 AND (coalesce(getvariable('age_units')[t.unit_concept_id] = 89, FALSE) "
        "OR ({column} > coalesce(getvariable('age_units')[t.unit_concept_id], 89) "
        "AND (t.{table}_concept_id IN (SELECT a.concept_id FROM age_concept AS a) OR is_called_age(t.{table}_source_value)))) "
        "THEN NULL ELSE {column} END"
    ),
    "year": "make_date(year({column}), 1, 1)",
    "time": "time_alone({column})",
    "birth": "b.{name}",
    "zip": "a.zip",
    "state": "a.state",
    "uid": "(SELECT u.new_uid FROM new_uid AS u WHERE u.uid = {column})",
    "text": "coalesce((SELECT x.note_text FROM scrubbed_note AS x WHERE x.note_id = t.note_id), {nothing})",
    "drop": "{nothing}",
}
"""What each action is in SQL."""

_PACKAGE = "plait.export.deidentify"
_PERIODS = {"observation_period": True, "payer_plan_period": False}
"""Tables of periods, and whether the records that bound one are those within it; what is paid for goes by years, of which records would tell the ends."""

_ROWS_AT_ONCE = 1_000_000
"""Rows of tables whose texts are counted in one query: to plan one takes longer than to count few rows, and to count many at once takes memory."""

_OWNED = {"cost", "note_nlp", "episode_event", "fact_relationship", "cohort"}
"""Tables without `person_id` whose rows are a person's."""


@dataclass(frozen=True, slots=True)
class Treated:
    """What becomes of a field.

    Attributes:
        table: The table.
        field: The field.
        action: What is done to it.
    """

    table: str
    field: str
    action: str


@cache
def treatments() -> dict[str, tuple[Treated, ...]]:
    """Give what becomes of each field, by table, in the fields' order."""
    found: dict[str, list[Treated]] = {}
    for row in csv.DictReader((files(_PACKAGE) / "fields.csv").read_text(encoding="utf-8").splitlines(), strict=True):
        found.setdefault(row["table"], []).append(Treated(row["table"], row["field"], row["action"]))
    return {table: tuple(fields) for table, fields in found.items()}


def prepare(con: duckdb.DuckDBPyConnection, key: ExportKey, persons: str, min_cell: int, having: Mapping[str, int] | None = None) -> None:
    """Make the temporary tables that the SELECTs of `select` join: who is who, where they live, when they were born, and which texts are common.

    Args:
        con: A connection with a version of a study.
        key: The export's key.
        persons: The SELECT of the persons (`person_id`) who are exported.
        min_cell: The fewest persons that must have a text, or live in an area, for it to be told.
        having: The number of rows of each table that has some, if that is known: nothing is looked for in others.
    """
    for statement in sql(_PACKAGE, "macros").split(";\n"):
        con.execute(statement)
    key.make_pseudonyms(con, persons)
    con.execute("ALTER TABLE pseudonym ADD COLUMN is_anchored BOOLEAN DEFAULT FALSE")
    con.execute("UPDATE pseudonym SET is_anchored = TRUE WHERE person_id IN (SELECT a.person_id FROM plait.time_anchor AS a)")
    for table in DIMENSIONS:
        key.make_numbers(con, table, _leaving_dimension(con, table))
    for table in _PERIODS:
        _make_periods(con, table, having)
    con.execute(f"CREATE OR REPLACE TEMP TABLE birth AS {sql(_PACKAGE, 'births').replace('record_day', f'({record_days(having)})')}")
    con.execute(f"SET VARIABLE age_units = ({sql(_PACKAGE, 'age_units')})")
    con.execute(f"CREATE OR REPLACE TEMP TABLE age_concept AS {sql(_PACKAGE, 'age_concepts')}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE area AS {filled(sql(_PACKAGE, 'areas'), {'min_cell': min_cell})}")
    con.execute("CREATE OR REPLACE TEMP TABLE scrubbed_note (note_id BIGINT, note_text VARCHAR)")
    _make_uids(con, key)
    _make_common(con, min_cell, having)


def _make_common(con: duckdb.DuckDBPyConnection, min_cell: int, having: Mapping[str, int] | None) -> None:
    """Make the temporary table `common_text` (field, text_value) of the texts that as many hold as the smallest cell."""
    con.execute("CREATE OR REPLACE TEMP TABLE common_text (field VARCHAR, text_value VARCHAR)")
    query = filled(sql(_PACKAGE, "common_values"), {"min_cell": min_cell, "dated": DATED})
    for fields in _lots([[field for field in fields if field.action == "common"] for fields in treatments().values()], having):
        held = " UNION ALL ".join(map(_held_texts, fields))
        con.execute(f"INSERT INTO common_text {query.replace('held_text', f'({held})')}")


def _lots(fields: Iterable[Sequence[Treated]], having: Mapping[str, int] | None) -> Iterator[list[Treated]]:
    """Put fields of tables, those of each table side by side, together as far as they have so many rows that are looked at at once."""
    lot: list[Treated] = []
    rows = 0
    for of_table in fields:
        if not of_table or (having is not None and of_table[0].table not in having):
            continue
        more = having[of_table[0].table] if having is not None else _ROWS_AT_ONCE
        if lot and rows + more > _ROWS_AT_ONCE:
            yield lot
            lot, rows = [], 0
        lot, rows = [*lot, *of_table], rows + more
    if lot:
        yield lot


def _leaving_dimension(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Give the SELECT of the ids of the places or providers that leave: not those that only rows of persons point at who do not."""
    every = f"SELECT {table}_id AS id FROM cdm.{quoted(table)}"
    if con.execute("SELECT 1 FROM cdm.person ANTI JOIN pseudonym USING (person_id) LIMIT 1").fetchone() is None:
        return every
    pointing = []
    for name, spec in cdm_tables().items():
        for field in (field.name for field in spec.fields if field.foreign_key == f"{table}.{table}_id" and name != table and name in treatments()):
            who, whom = (f"new_{name}", f"s.id = t.{name}_id") if name in DIMENSIONS else ("pseudonym", f"s.person_id = {owner_of(name)}")
            pointing.append(f"SELECT t.{quoted(field)} AS id, s.new_id FROM cdm.{quoted(name)} AS t LEFT JOIN {who} AS s ON {whom}")
    theirs = f"SELECT id FROM ({' UNION ALL '.join(pointing)}) GROUP BY id HAVING id IS NOT NULL AND count(new_id) = 0"
    return f"{every} EXCEPT ALL ({theirs})"


def _make_periods(con: duckdb.DuckDBPyConnection, table: str, having: Collection[str] | None) -> None:
    """Make the temporary table `told_<table>` (id, began, ended) of the periods of persons who leave, as they are before they are shifted.

    A day that is everybody's (when the data were extracted, the first of a year) is known, so that its shift would tell a person's.
    """
    columns = f"t.{table}_id AS id, t.person_id, t.{table}_start_date AS began, t.{table}_end_date AS ended"
    period = f"(SELECT {columns} FROM cdm.{table} AS t SEMI JOIN pseudonym AS s ON t.person_id = s.person_id)"
    starts, ends = con.execute(sql(_PACKAGE, "calendar_days").replace("a_period", period)).fetchone() or (False, False)
    days = record_days(having if starts or ends else ())
    bounds = "record_date AS first_day, record_date AS last_day" if _PERIODS[table] else "min(record_date) AS first_day, max(record_date) AS last_day"
    grouped = "" if _PERIODS[table] else " GROUP BY person_id"
    query = sql(_PACKAGE, "periods").replace("a_period", period).replace("record_day", f"(SELECT person_id, {bounds} FROM ({days}){grouped})")
    values = {"starts": starts, "ends": ends, "within": _PERIODS[table]}
    con.execute(f"CREATE OR REPLACE TEMP TABLE told_{table} AS {filled(query, values)}")


def record_days(having: Collection[str] | None = None) -> str:
    """Give the SELECT of the days of which persons have a record (person_id, record_date): those on which something began, a visit ended, or somebody died.

    Args:
        having: The tables that have rows, if that is known.
    """
    chosen = [
        (table, field.name)
        for table, spec in cdm_tables().items()
        for field in spec.fields
        if having is None or table in having
        if "person_id" in spec.columns and field.base_type == "date" and Treated(table, field.name, "shift") in treatments().get(table, ())
        if "_end_date" not in field.name or table == "visit_occurrence"
    ]
    selects = (f"SELECT person_id, {quoted(date)} AS record_date FROM cdm.{quoted(table)}" for table, date in chosen)
    days = " UNION ALL ".join(selects) or "SELECT NULL::BIGINT AS person_id, NULL::DATE AS record_date WHERE FALSE"
    anchored = "person_id IN (SELECT a.person_id FROM plait.time_anchor AS a)"
    return f"SELECT person_id, record_date FROM ({days}) WHERE NOT is_placeholder(record_date, {anchored})"


def _held_texts(field: Treated) -> str:
    """Give the SELECT of the texts of a field, each with who holds it: the person whose row it is, or the place or the provider itself."""
    text = f"{literal(_name(field))} AS field, CAST(t.{quoted(field.field)} AS VARCHAR) AS text_value FROM cdm.{quoted(field.table)} AS t"
    if field.table in DIMENSIONS:
        return f"SELECT t.{field.table}_id AS holder, {text}"
    return f"SELECT s.person_id AS holder, {text} INNER JOIN pseudonym AS s ON s.person_id = {owner_of(field.table)}"


def select(
    table: str, *, in_order: bool = True, known: str | None = None, chosen: Collection[str] | None = None, persons: tuple[int, int] | None = None
) -> str:
    """Give the SELECT of a table as it leaves the study; of one that is withheld, a SELECT of no rows.

    Args:
        table: The table.
        in_order: Give its rows in the order of their new ids.
        chosen: The fields that are asked for, all if None: to look up what nobody reads takes its time.
        known: A relation with `row_id`, `known_time` and `end_known_time`; the times, shifted, are two more columns of the rows that are a person's.
        persons: The `person_id` above which, and up to which, rows are asked for, of a table whose rows are a person's; all if None.
    """
    fields = treatments().get(table)
    if fields is None:
        return empty_select(cdm_tables()[table])
    fields = tuple(field for field in fields if chosen is None or field.field in chosen)
    columns = ", ".join(f"{_expression(field)} AS {quoted(field.field)}" for field in fields)
    rows = f"FROM cdm.{quoted(table)} AS t"
    if table in DIMENSIONS:
        rows += f" INNER JOIN new_{table} AS n ON n.id = t.{table}_id"
    elif owner := owner_of(table):
        rows += f" INNER JOIN pseudonym AS s ON s.person_id = {owner}"
    if table in _PERIODS:
        rows += f" INNER JOIN told_{table} AS w ON w.id = t.{table}_id"
    if table == "person":
        rows += " INNER JOIN birth AS b ON b.person_id = t.person_id"
    if table == "location":
        rows += " INNER JOIN area AS a ON a.location_id = t.location_id"
    if known:
        columns += "".join(f", shifted_datetime(k.{time}, s.shift_days, s.is_anchored) AS {time}" for time in ("known_time", "end_known_time"))
        rows += f" LEFT JOIN {known} AS k ON k.row_id = t.{cdm_tables()[table].id_column or 'person_id'}"
    if persons:
        rows += f" WHERE {owner_of(table)} > {persons[0]} AND {owner_of(table)} <= {persons[1]}"
    order = f" ORDER BY {cdm_tables()[table].id_column or 'ALL'}" if in_order else ""
    return f"SELECT {columns} {rows}{order}"


def owner_of(table: str) -> str | None:
    """Give the expression for the person of a row of a table `t` of the CDM; None of a table whose rows are no person's."""
    has_owner = table in _OWNED or "person_id" in cdm_tables()[table].columns
    return person_of(cdm_tables()[table], "t") if has_owner else None


def _name(field: Treated) -> str:
    return f"{field.table}.{field.field}"


def _expression(field: Treated) -> str:
    """Give a field as it leaves the study."""
    kind = next(one for one in cdm_tables()[field.table].fields if one.name == field.field)
    nothing = literal(WITHHELD) if kind.required and kind.base_type == "varchar" else f"CAST(NULL AS {kind.duckdb_type})"
    template = _template(field)
    return template.format(
        column=f"t.{quoted(field.field)}", name=quoted(field.field), table=field.table, type=kind.base_type, common=literal(_name(field)), nothing=nothing
    )


def _template(field: Treated) -> str:
    """Give what an action is in SQL, with places for what it is done to."""
    if field.action in DIMENSIONS:
        return _numbered(field.action)
    if field.action != "fact":
        return _ACTIONS[field.action]
    whens = {fact_domain(table): _numbered(table) for table in ("provider", "care_site")}
    whens[fact_domain("person")] = "CASE WHEN {column} = s.person_id THEN s.new_id END"
    domain = field.field.replace("fact_id", "domain_concept_id")
    cases = " ".join(f"WHEN {concept} THEN {expression}" for concept, expression in whens.items())
    return f"CASE t.{quoted(domain)} {cases} ELSE {_ACTIONS['row']} END"


def _numbered(table: str) -> str:
    """Give the expression for the new number of a place or a provider."""
    return f"(SELECT d.new_id FROM new_{table} AS d WHERE d.id = {{column}})"


def _make_uids(con: duckdb.DuckDBPyConnection, key: ExportKey) -> None:
    """Make the temporary table `new_uid` (uid, new_uid) of all UIDs of images."""
    con.execute("CREATE OR REPLACE TEMP TABLE new_uid (uid VARCHAR, new_uid VARCHAR)")
    uids = [row[0] for row in con.execute(sql(_PACKAGE, "uids")).fetchall()]
    if not uids:
        return
    import pyarrow as pa

    con.register("uids", pa.table({"uid": pa.array(uids, pa.string()), "new_uid": pa.array([key.uid(uid) for uid in uids], pa.string())}))
    con.execute("INSERT INTO new_uid FROM uids")
    con.unregister("uids")
