"""k-anonymity and l-diversity of rows of persons: computed on the tables as they leave, told with the package, and asked for where the policy does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.duck import quoted, sql
from plait.errors import ConfigError, ExportError
from plait.export.deidentify import tables
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import duckdb

    from plait.export.outgoing import Outgoing

QUASI_IDENTIFIERS = (
    "person.gender_concept_id",
    "person.year_of_birth",
    "person.race_concept_id",
    "person.ethnicity_concept_id",
    "location.zip",
)
"""What a person may be recognised by, where the policy names nothing."""

SENSITIVE = ("condition_occurrence.condition_concept_id",)
"""What must not be told of a person who is recognised, where the policy names nothing."""

_BOUNDS = (0.05, 0.1, 0.25, 0.5, 0.75)
"""Shares of the persons of whom it is told that no more are concerned."""

_PACKAGE = "plait.export.disclosure"
_OF_A_PLACE = {"location": "location_id", "care_site": "care_site_id", "provider": "provider_id"}
"""Tables of which a row is no person's, and the field of PERSON that points at it."""


@dataclass(frozen=True, slots=True)
class Diversity:
    """How many kinds of a sensitive field there are among persons who are alike.

    Attributes:
        field: The field.
        l: The fewest kinds.
        entropy_l: The fewest, where a rare kind counts less than a common one: e to the power of the entropy.
        t: The most that the kinds among such persons differ from those among all, 0 to 1.
        persons_below: Persons among whom there are fewer kinds than are asked for.
    """

    field: str
    l: int  # noqa: E741 - its name
    entropy_l: float
    t: float
    persons_below: int


@dataclass(frozen=True, slots=True)
class Anonymity:
    """How many persons are alike.

    Attributes:
        k: The fewest who share all that they may be recognised by.
        classes: How many different combinations there are.
        persons_below: Persons who share it with fewer than are asked for.
        sensitive: Of each sensitive field, how it differs among those.
    """

    k: int
    classes: int
    persons_below: int
    sensitive: tuple[Diversity, ...] = ()


def guard(out: Outgoing) -> dict[str, Any]:
    """Give what is told of how alike the persons of a package with rows are.

    Raises:
        ExportError: They are less so than the policy asks for; says how many persons that concerns.
        ConfigError: The policy names a field that there is not.
    """
    policy = out.policy
    named = policy.quasi_identifiers or QUASI_IDENTIFIERS
    sensitive = policy.sensitive or SENSITIVE
    least, fewest = policy.k_anonymity or policy.min_cell, policy.l_diversity or 1
    found = of_tables(out.con, named, sensitive, policy.withheld, least=least, fewest=fewest)
    if policy.k_anonymity is not None and found.k < policy.k_anonymity:
        got = f"{found.persons_below:,} who are alike with fewer ({found.k} at the least)"
        _refuse("k_anonymity", f"{policy.k_anonymity} persons who are alike in {', '.join(named)}", got)
    for one in found.sensitive if policy.l_diversity is not None else ():
        if one.l < fewest:
            got = f"{one.persons_below:,} persons among whom there are fewer ({one.l} at the least)"
            _refuse("l_diversity", f"{fewest} kinds of {one.field} among persons who are alike", got)
    return {
        "quasi_identifiers": list(named),
        "are_declared": bool(policy.quasi_identifiers),
        "k": found.k,
        "k_asked_for": policy.k_anonymity,
        "share_alike_with_fewer_than": {"persons": least, "at_most": share_at_most(found.persons_below, out.persons, policy.min_cell)},
        "l_asked_for": policy.l_diversity,
        "sensitive": [{"field": one.field, "l": one.l, "entropy_l": round(one.entropy_l, 1), "t": round(one.t, 2)} for one in found.sensitive],
    }


def share_at_most(count: int, persons: int, min_cell: int) -> float:
    """Give a bound for the share of persons who are counted, 0 if there are none: of few, nobody can tell how few.

    >>> share_at_most(3, 1756, 11), share_at_most(3, 100, 11), share_at_most(0, 100, 11)
    (0.05, 0.25, 0.0)
    """
    return next((bound for bound in _BOUNDS if bound * persons >= max(count, min_cell)), 1.0) if count else 0.0


def of_tables(
    con: duckdb.DuckDBPyConnection, named: Sequence[str], sensitive: Sequence[str], withheld: Collection[str] = (), *, least: int, fewest: int
) -> Anonymity:
    """Measure the persons of `pseudonym` by fields of their tables as these leave.

    Args:
        con: A connection that `plait.export.deidentify.tables.prepare` prepared.
        named: Fields that persons may be recognised by, `table.field`. Of a table with several rows of a person, the set of the values counts.
        sensitive: Fields that must differ among persons who are alike.
        withheld: Tables of which no row leaves.
        least: Persons who are to be alike.
        fewest: Kinds of a sensitive field that are to be among those.

    Raises:
        ConfigError: There is no such field.
    """
    persons = "(SELECT new_id AS person_id FROM pseudonym) AS p"
    columns, joins = [], ""
    for number, field in enumerate(named):
        held = f"(SELECT person_id, string_agg(DISTINCT held_value, chr(31) ORDER BY held_value) AS kind FROM ({_held(field, withheld)}) GROUP BY person_id)"
        joins += f" LEFT JOIN {held} AS q{number} ON q{number}.person_id = p.person_id"
        columns.append(f"q{number}.kind AS k{number}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE described AS SELECT {', '.join(['p.person_id', *columns])} FROM {persons}{joins}")
    helds = [(field, f"SELECT DISTINCT person_id, held_value FROM ({_held(field, withheld)}) WHERE held_value IS NOT NULL") for field in sensitive]
    return measure(con, [f"k{number}" for number in range(len(named))], helds, least=least, fewest=fewest)


def measure(con: duckdb.DuckDBPyConnection, columns: Sequence[str], sensitive: Sequence[tuple[str, str]], *, least: int, fewest: int) -> Anonymity:
    """Measure the persons of the table `described` (person_id and columns).

    Args:
        con: The connection.
        columns: Columns that persons may be recognised by; nothing is a value, too.
        sensitive: Names of sensitive fields, with the SELECT of their values (person_id, held_value), none of which is NULL.
        least: Persons who are to be alike.
        fewest: Kinds of a sensitive field that are to be among those.
    """
    order = f"OVER (ORDER BY {', '.join(map(quoted, columns))})" if columns else "OVER ()"
    con.execute(f"CREATE OR REPLACE TEMP TABLE equivalence AS SELECT person_id, dense_rank() {order} AS class FROM described")
    k, classes, below = con.execute(sql(_PACKAGE, "equivalence"), {"least": least}).fetchone() or (0, 0, 0)
    found = []
    for field, query in sensitive:
        con.execute(f"CREATE OR REPLACE TEMP TABLE held AS {query}")
        kinds, entropy, distance, persons = con.execute(sql(_PACKAGE, "diversity"), {"least": fewest}).fetchone() or (0, 0.0, 0.0, 0)
        found.append(Diversity(field, int(kinds or 0), round(entropy or 0.0, 4), round(distance or 0.0, 4), int(persons)))
    return Anonymity(int(k or 0), int(classes), int(below), tuple(found))


def _held(field: str, withheld: Collection[str]) -> str:
    """Give the SELECT of the values of a field as they leave, by person (person_id, held_value as text)."""
    table, _, name = field.partition(".")
    spec = cdm_tables().get(table)
    is_owned = spec is not None and (table in _OF_A_PLACE or "person_id" in spec.columns)
    if spec is None or name not in spec.columns or not is_owned:
        raise ConfigError("policy", expected="fields of persons in the CDM", got=f"'{field}'", todo="Name them as table.field, person.year_of_birth.")
    if table in withheld:
        return "SELECT NULL AS person_id, NULL AS held_value WHERE FALSE"
    rows = tables.select(table).removesuffix(" ORDER BY ALL")
    value = f"CAST(t.{quoted(name)} AS VARCHAR) AS held_value"
    if table in _OF_A_PLACE:
        key = _OF_A_PLACE[table]
        people = tables.select("person").removesuffix(" ORDER BY ALL")
        return f"SELECT x.person_id, {value} FROM ({people}) AS x INNER JOIN ({rows}) AS t ON x.{key} = t.{key}"
    return f"SELECT t.person_id, {value} FROM ({rows}) AS t"


def _refuse(key: str, expected: str, got: str) -> None:
    raise ExportError(f"policy.{key}", expected=expected, got=got, todo="Withhold a table, ask for less, or export without --row-level; nothing was written.")
