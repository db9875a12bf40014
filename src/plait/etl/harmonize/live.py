"""The staged rows of a shard that count: those that no other row stands for, and that contradict none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, quoted, sql
from plait.etl.shape import TYPES, Shape
from plait.etl.staging import CLAIMED, SHAPES

if TYPE_CHECKING:
    import duckdb

_PACKAGE = "plait.etl.harmonize"


def live_views(con: duckdb.DuckDBPyConnection, shapes: tuple[str, ...], staged: dict[str, list[str]], persons: tuple[int, int] | None) -> None:
    """Make `live_SHAPE` for each shape: its staged rows less those that another row stands for."""
    con.execute(sql(_PACKAGE, "all_loser"))
    for name in shapes:
        shape = SHAPES[name]
        make_view(con, f"staged_{name}", _staged_view(shape, staged.get(name, []), persons))
        rivals = f"staged_{name}"
        claims = [column for column in CLAIMED if column in shape.columns]
        if shape.of_person and claims:
            named = " UNION ".join(
                f"SELECT s.file_id, s.record, s.part FROM {quoted(rivals)} AS s "
                f"INNER JOIN contested AS c ON c.kind = {literal(column)} AND s.system = c.system AND s.{column} = c.key"
                for column in claims
            )
            make_view(con, f"contested_{name}", named)
            con.execute(sql(_PACKAGE, "contested_loser"), {"staged": rivals, "contested": f"contested_{name}", "shape": name})
            make_view(con, f"uncontested_{name}", f"FROM {quoted(rivals)} ANTI JOIN {quoted(f'contested_{name}')} USING (file_id, record, part)")
            rivals = f"uncontested_{name}"
        con.execute(sql(_PACKAGE, "losers"), {"staged": rivals, "same_key": shape.same_key})
        con.execute("INSERT INTO all_loser SELECT $shape, * FROM loser", {"shape": name})
        lost = con.execute("SELECT count(*) FROM all_loser WHERE shape = $shape", {"shape": name}).fetchone()
        anti = f"ANTI JOIN (FROM all_loser WHERE shape = {literal(name)}) AS l USING (file_id, record, part)" if lost and lost[0] else ""
        make_view(con, f"live_{name}", f"SELECT s.* FROM {quoted(f'staged_{name}')} AS s {anti}")


def _staged_view(shape: type[Shape], paths: list[str], persons: tuple[int, int] | None) -> str:
    """Give the SELECT over the staged rows of a shape that go on, with what makes them one: `key_space`, `key`.

    A key names a row of one person: what two persons have under one key are two rows, in whatever shards they are.
    """
    of_record = "concat_ws('/', source, file, part, person_id) AS key_space, coalesce(merge_key, CAST(digest AS VARCHAR)) AS key"
    key_space = "concat_ws('/', system, person_id)" if shape.of_person else "system"
    key = f"{key_space} AS key_space, {quoted(shape.key)} AS key" if shape.key else of_record
    if not paths:
        return f"SELECT *, {key} FROM ({_empty(shape)})"
    sound = 'reject IS NULL AND "ignore" IS NULL'
    if persons is None:
        return f"SELECT *, {key} FROM {parquet(*paths)} WHERE {sound}"
    return (
        f"SELECT *, {key} FROM {parquet(*paths)} WHERE {sound} AND person_id BETWEEN {persons[0]} AND {persons[1]} "
        "AND person_id IN (SELECT k.person_id FROM crosswalk AS k)"
    )


def _empty(shape: type[Shape]) -> str:
    """Give a SELECT without rows in the columns of a staged shape."""
    columns = {
        "is_first": "BOOLEAN",
        "file_id": "BIGINT",
        "source": "VARCHAR",
        "file": "VARCHAR",
        "system": "VARCHAR",
        "record": "BIGINT",
        "digest": "UUID",
        "person_id": "BIGINT",
        "part": "INTEGER",
        "merge_key": "VARCHAR",
    }
    columns |= {name: TYPES[column.kind] for name, column in shape.columns.items()}
    if "start" in shape.columns:
        columns |= {"start_is_date": "BOOLEAN", "known_time": "TIMESTAMP"}
    if "end" in shape.columns:
        columns |= {"end_is_date": "BOOLEAN", "end_known_time": "TIMESTAMP"}
    return "SELECT " + ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns.items()) + " WHERE false"
