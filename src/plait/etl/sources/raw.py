"""A source file as a table: every column as text, every record numbered, whatever is wrong with it.

The number counts all records of the file from 1, rejected ones included; blank lines are no records.
A record with too many or too few fields, or with a NUL byte, gets a `_fault` and no shape sees it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import literal, one_file, parquet, quoted
from plait.errors import InputFileError, PlaitError
from plait.etl.sources.inventory import as_inspected
from plait.etl.sources.reader import FAULT, PLACE, csv_quoting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pyarrow as pa

    from plait.etl.sources.folder import FileRule, Source
    from plait.etl.sources.inventory import InputFile

_NEVER = "\x01\x02"
"""What no field holds: with it as the reader's null, an absent field differs from an empty one."""
_SPARE = tuple(f"_field_{number}_too_many" for number in range(1, 9))
"""Room for the fields of a record that has too many: a longer one shows these."""
_SEPARATOR = "chr(31)"
_LONGEST_BYTES = 64 << 20
_USUAL_BYTES = 8 << 20
"""Longest record that the reader makes room for at first: its buffers are as long, and small ones fit a small memory limit."""


def load_raw(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, *, table: str, spill: Path, most: int | None = None) -> int:
    """Make the temporary table `table` of all records of `file` (at most of the first `most`) and give their number.

    Its columns are the file's own (and the declared ones that it lacks, null), `_pointer`
    (`STRUCT(record BIGINT, digest UUID)`: the record number and a digest of the record's text) and
    `_fault` (null, or the reason why the whole record is rejected).

    Raises:
        InputFileError: The reader cannot make records of the file (an open quote, a record of more than 64 MiB),
            or it is no longer the file that was inspected.
    """
    assert file.file is not None  # noqa: S101 - only files that a shape reads come here
    rule = source.rules.files[file.file]
    with as_inspected(file), _readable(file, spill) as path:
        if file.format == "csv":
            _load_csv(con, file, source, path, table, most)
        elif file.format == "records":
            _load_records(con, file, source, table)
        else:
            _create(con, table, _first(_raw_query(file, rule, source, parquet(path)), most))
    counted = con.execute("SELECT count(*) FROM query_table($table)", {"table": table}).fetchone()
    return int(counted[0]) if counted else 0


def load_columns(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, columns: Sequence[str], *, table: str, spill: Path) -> None:
    """Make the temporary table `table` of some columns of a file's records, all text, and of nothing else: what a look-up needs of a large file.

    Columns that the file lacks are null. Records that are no records (a field too many) are left out, as no shape sees them.

    Raises:
        InputFileError: As `load_raw`.
    """
    whole = f"all {table}"
    if file.format == "parquet":
        there = {name.lower(): name for name in file.header}
        nulls = ", ".join(literal(value) for value in ("", *source.rules.null_values))
        given = [
            f"CASE WHEN CAST({quoted(there[name])} AS VARCHAR) NOT IN ({nulls}) THEN CAST({quoted(there[name])} AS VARCHAR) END AS {quoted(name)}"
            if name in there
            else f"CAST(NULL AS VARCHAR) AS {quoted(name)}"
            for name in columns
        ]
        with as_inspected(file):
            _create(con, table, f"SELECT {', '.join(given)} FROM {parquet(file.path)}")
        return
    load_raw(con, file, source, table=whole, spill=spill)
    _create(con, table, f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(whole)} WHERE _fault IS NULL")
    con.execute(f"DROP TABLE {quoted(whole)}")


def _load_records(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, table: str) -> None:
    """Make the raw table of what the source's reader makes of a file, batch by batch."""
    import duckdb
    import pyarrow as pa

    assert source.reader is not None  # noqa: S101 - only a reader gives files of this format
    fields = pa.schema([(name, pa.string()) for name in (*file.header, FAULT)])
    failed: list[PlaitError] = []
    batches = _noted((_with_fault(batch, fields) for batch in source.reader.records(source, file)), failed)
    con.register("reader_records", pa.RecordBatchReader.from_batches(fields, batches))
    try:
        _create(con, table, _raw_query(file, source.rules.files[str(file.file)], source, "reader_records"))
    except duckdb.Error:
        if failed:
            raise failed[0] from None
        raise
    finally:
        con.unregister("reader_records")


def _noted(batches: Iterator[pa.RecordBatch], failed: list[PlaitError]) -> Iterator[pa.RecordBatch]:
    """Yield batches, and note the error that ends them: DuckDB, which asks for them, makes one of its own of it."""
    try:
        yield from batches
    except PlaitError as error:
        failed.append(error)
        raise


def _with_fault(batch: pa.RecordBatch, fields: pa.Schema) -> pa.RecordBatch:
    """Give a reader's batch with a column for faults, as text."""
    import pyarrow as pa

    columns = [batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, pa.string()) for name in fields.names]
    return pa.record_batch([column.cast(pa.string()) for column in columns], schema=fields)


def _first(query: str, most: int | None) -> str:
    return query if most is None else f"{query} LIMIT {most:d}"


def _load_csv(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, path: Path, table: str, most: int | None) -> None:
    """Make the raw table of a text file by DuckDB's strict rules where they suffice, else by its lenient ones.

    The lenient reader drops what stands behind a closing quote. The strict one refuses that, and also what is no harm: line
    ends of two kinds, and more fields than there is room for. Neither minds a quote that is open at the end of the file, but
    then the last record is short. In all these cases Python's reader looks at every quote first.
    """
    import duckdb

    try:
        _create_csv(con, file, source, path, table=table, strict=True, most=most)
    except duckdb.InvalidInputException:
        _check_quotes(file)
        try:
            _create_csv(con, file, source, path, table=table, strict=False, most=most)
        except duckdb.InvalidInputException as error:
            raise _unreadable(file, error) from None
    else:
        last = con.execute(f"SELECT arg_max(coalesce(_fault, ''), _pointer.record) FROM {quoted(table)}").fetchone()
        if last == ("field_count",):
            _check_quotes(file)


def _create_csv(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source, path: Path, *, table: str, strict: bool, most: int | None) -> None:
    """Make the raw table of a text file, with room for long records only where there are some."""
    import duckdb

    rule = source.rules.files[str(file.file)]
    try:
        _create(con, table, _first(_raw_query(file, rule, source, _csv_scan(file, path, strict=strict, longest=_USUAL_BYTES)), most))
    except duckdb.InvalidInputException as error:
        if not _is_too_long(error):
            raise
        _create(con, table, _first(_raw_query(file, rule, source, _csv_scan(file, path, strict=strict, longest=_LONGEST_BYTES)), most))


def _create(con: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS {query}")


def _check_quotes(file: InputFile) -> None:
    """Fail where a quote is not closed at the end of its field: which text is of which record is anybody's guess then."""
    for _ in csv_records(file.path, file.encoding, file.delimiter, file.quote, file.comment_lines):
        pass


def csv_records(path: Path, encoding: str, delimiter: str, quote: str = '"', comment_lines: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, fields) of the header and of every record of a text file; blank lines are no records.

    Raises:
        InputFileError: A quote is not closed where its field ends, or a field is longer than 64 MiB.
    """
    csv.field_size_limit(_LONGEST_BYTES)
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    unmarked = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    with opener(path, "rt", encoding=unmarked, newline="") as text:
        for _ in range(comment_lines):
            text.readline()
        reader = csv.reader(text, delimiter=delimiter, strict=True, **csv_quoting(quote))
        line = comment_lines + 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = comment_lines + reader.line_num + 1
        except csv.Error:
            raise InputFileError(
                f"{path}:{line}",
                expected="a quote that is closed where its field ends",
                got="a field that goes on behind its closing quote, or has none",
                todo="Close the field's quote and double the quotes within it, or mend 'delimiter' in plait.yaml.",
            ) from None


def sound_columns(file: InputFile) -> str:
    """Give the select list of a raw table for those who need not know of faults."""
    hidden = ("_fault", *_SPARE) if file.format == "csv" else ("_fault",)
    return f"* EXCLUDE ({', '.join(hidden)})"


def load_texts(con: duckdb.DuckDBPyConnection, files: Sequence[InputFile], *, table: str) -> None:
    """Make the temporary table `table` of text files, each one record: `name` below the source's folder, `content`."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} (name VARCHAR, content VARCHAR, _fault VARCHAR)")
    if not files:
        return
    names = {str(file.path): file.name for file in files}
    with ExitStack() as reading:
        for file in files:
            reading.enter_context(as_inspected(file))
        _insert_texts(con, names, files[0].encoding, table)


def _insert_texts(con: duckdb.DuckDBPyConnection, names: dict[str, str], encoding: str, table: str) -> None:
    """Add texts, named by their paths, to a table."""
    if codecs.lookup(encoding).name in {"utf-8", "ascii"}:
        con.execute(
            f"INSERT INTO {quoted(table)} SELECT n.name, t.content, NULL FROM read_text($paths) AS t "
            "INNER JOIN (SELECT unnest($paths) AS path, unnest($names) AS name) AS n ON t.filename = n.path",
            {"paths": list(names), "names": list(names.values())},
        )
        return
    for path, name in names.items():
        con.execute(f"INSERT INTO {quoted(table)} VALUES (?, ?, NULL)", [name, Path(path).read_text(encoding=encoding)])


def insert_raw_records(con: duckdb.DuckDBPyConnection, table: str, file: InputFile, file_id: int) -> None:
    """Add (file id, record number, the record as JSON) of a file's rejected records to the table `reject_raw`."""
    spare = _SPARE if file.format == "csv" else ()
    fields = ", ".join(f"{literal(name)}: {quoted(name)}" for name in (*_names(file), *spare))
    con.execute(
        f"INSERT INTO reject_raw SELECT $file_id, _pointer.record, json_merge_patch('{{}}', to_json({{{fields}}})) FROM {quoted(table)} "
        "WHERE _pointer.record IN (SELECT r.record FROM reject AS r WHERE r.file_id = $file_id)",
        {"file_id": file_id},
    )


def count_unread(con: duckdb.DuckDBPyConnection, file: InputFile, source: Source) -> int:
    """Give how many records a file has that no shape reads; a file that is no table counts as one."""
    import duckdb

    if file.format == "records" and source.reader is not None:
        return sum(batch.num_rows for batch in source.reader.records(source, file))
    try:
        if file.format == "parquet":
            row = con.execute("SELECT count(*) FROM read_parquet($path, hive_partitioning = false)", {"path": one_file(file.path)}).fetchone()
        elif file.format == "csv":
            row = con.execute(
                "SELECT count(*) FROM read_csv($path, hive_partitioning = false, header = true, all_varchar = true, strict_mode = false, null_padding = true, "
                "ignore_errors = true, parallel = false)",
                {"path": one_file(file.path)},
            ).fetchone()
        else:
            return 1
    except duckdb.Error:
        return 1
    return int(row[0]) if row else 1


@contextmanager
def _readable(file: InputFile, spill: Path) -> Iterator[Path]:
    """Give a path that DuckDB can read: the file, or a UTF-8 copy for as long as it is needed."""
    if file.format != "csv" or codecs.lookup(file.encoding).name in {"utf-8", "ascii", "utf-8-sig"}:
        yield file.path
        return
    spill.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if file.path.name.lower().endswith(".gz") else open
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", suffix=".csv", dir=spill) as copy:
        with opener(file.path, "rt", encoding=file.encoding, newline="") as text:
            shutil.copyfileobj(text, copy, 1 << 22)
        copy.flush()
        yield Path(copy.name)


def _csv_scan(file: InputFile, path: Path, *, strict: bool, longest: int) -> str:
    """Give the `read_csv` that keeps record numbers true (one reader, nothing rejected by it)."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in (*_names(file), *_SPARE))
    return (
        f"read_csv({literal(one_file(path))}, hive_partitioning = false, columns = {{{columns}}}, auto_detect = false, header = false, "
        f"skip = {file.comment_lines + 1}, "
        f"delim = {literal(file.delimiter)}, quote = {literal(file.quote)}, escape = {literal(file.quote)}, "
        f"nullstr = {literal(_NEVER)}, null_padding = true, strict_mode = {str(strict).lower()}, parallel = false, "
        f"max_line_size = {longest}, buffer_size = {longest})"
    )


def _names(file: InputFile) -> tuple[str, ...]:
    """Give the header with a name for every column."""
    return tuple(name or f"_column_{number}" for number, name in enumerate(file.header, 1))


def _raw_query(file: InputFile, rule: FileRule, source: Source, scan: str) -> str:
    """Give the SELECT that turns a scan into a raw table."""
    names = _names(file)
    nulls = ", ".join(literal(value) for value in ("", *source.rules.null_values))
    declared = {name.lower(): name for name in rule.columns}
    have = {name.lower() for name in names}
    as_text = [f"CAST({quoted(name)} AS VARCHAR)" for name in names] if file.format == "parquet" else [quoted(name) for name in names]
    columns = [
        f"CASE WHEN {text} IN ({nulls}) THEN NULL ELSE {text} END AS {quoted(declared.get(name.lower(), name))}"
        for name, text in zip(names, as_text, strict=True)
    ]
    columns += [f"CAST(NULL AS VARCHAR) AS {quoted(name)}" for lower, name in declared.items() if lower not in have]
    said = [text for name, text in zip(names, as_text, strict=True) if file.format != "records" or name != PLACE]
    nulled = [f"coalesce({text}, '')" for text in said] if file.format != "csv" else said
    pointer = f"{{'record': row_number() OVER (), 'digest': CAST(md5(concat_ws({_SEPARATOR}, {', '.join(nulled)})) AS UUID)}} AS _pointer"
    spare = "".join(f", {name}" for name in _SPARE) if file.format == "csv" else ""
    return f"SELECT {', '.join(columns)}{spare}, {pointer}, {_fault(file, names, as_text)} AS _fault FROM {scan}"


def _fault(file: InputFile, names: tuple[str, ...], as_text: list[str]) -> str:
    """Give the expression for what is wrong with a whole record, null if nothing is."""
    if file.format == "records":
        return FAULT
    if file.format != "csv":
        return "CAST(NULL AS VARCHAR)"
    cases = f"WHEN {_SPARE[0]} IS NOT NULL OR {quoted(names[-1])} IS NULL THEN 'field_count'"
    if file.has_nul:
        cases += f" WHEN contains(concat({', '.join(as_text)}), chr(0)) THEN 'nul_byte'"
    return f"CASE {cases} END"


def _unreadable(file: InputFile, error: duckdb.Error) -> InputFileError:
    """Say that a file cannot be cut into records, without the text that DuckDB quotes."""
    got = "a record of more than 64 MiB (an unclosed quote?)" if _is_too_long(error) else "something that the reader cannot cut into records"
    return InputFileError(
        file.path,
        expected=f"{file.encoding} records with fields separated as declared",
        got=got,
        todo="Look for an unclosed quote, or a wrong 'delimiter' or 'encoding' in plait.yaml.",
    )


def _is_too_long(error: duckdb.Error) -> bool:
    """Tell whether the reader met a record that it has no room for."""
    return any(words in str(error).lower() for words in ("maximum line size", "maximum_line_size"))
