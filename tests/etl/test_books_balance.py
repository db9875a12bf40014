"""Whatever stands in a file: the books balance, every record is accounted for once, and a reject is what Python's csv module reads there."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tiny_study import FILES, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = FILES["conditions"].splitlines()[0].split(",")
SHOWN = 8
"""Fields beyond the header that a reject shows."""
CODES = ["44054006", "195967001", "49727002", "271737000", "no-such-code"]

LINEAGE = """
SELECT l.record, l.role, any_value(c.condition_source_value)
FROM plait.lineage AS l
INNER JOIN plait.files AS f ON l.file_id = f.file_id
LEFT JOIN cdm.condition_occurrence AS c ON l.table_name = 'condition_occurrence' AND l.row_id = c.condition_occurrence_id
WHERE f.file = 'conditions'
GROUP BY l.record, l.role
"""
"""Every record of conditions.csv that reached the CDM, how, and the code that stands there."""

text = st.text(st.sampled_from("aé\"',;\n\r\0 \t|NULL-1"), max_size=6)
starts = st.one_of(st.dates().map(str), st.sampled_from(["2020-02-30", "", "infinity", "2020-01-10T09:00:00Z", "20200110", "-"]), text)
persons = st.sampled_from(["MRN-4711", "MRN-4712", "MRN-4713", "MRN-4714", "MRN-9999", "", " MRN-4711", "\0"])
sound = st.tuples(st.dates().map(str), st.just(""), persons, st.sampled_from(["V-1", "V-9", ""]), st.sampled_from(CODES), text).map(list)
wild = st.tuples(starts, starts, persons, text, st.one_of(st.sampled_from(CODES), text), text).map(list)
surplus = st.tuples(sound, st.lists(text, min_size=1, max_size=10)).map(lambda both: both[0] + both[1])
short = st.tuples(sound, st.integers(1, 5)).map(lambda both: both[0][: both[1]])
tables = st.tuples(st.lists(st.one_of(sound, wild, surplus, short), max_size=12), st.lists(st.integers(0, 11), max_size=4)).map(
    lambda both: both[0] + [both[0][place] for place in both[1] if place < len(both[0])]
)


def written(rows: list[list[str]], line_end: str, quoting: int) -> bytes:
    """Give the table as a CSV file."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=line_end, quoting=quoting)
    writer.writerow(HEADER)
    writer.writerows(rows)
    return stream.getvalue().encode()


@pytest.fixture(scope="module")
def base(make_tiny: Callable[[], Tiny]) -> Tiny:
    """Give a study whose conditions are to be replaced; runs of it stage the other files once."""
    study = make_tiny()
    study.run()
    return study


@given(rows=tables, line_end=st.sampled_from(["\n", "\r\n"]), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@settings(max_examples=10, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
def test_books_balance(base: Tiny, rows: list[list[str]], line_end: str, quoting: int) -> None:
    file = base.write("conditions", written(rows, line_end, quoting))
    with file.open(encoding="utf-8", newline="") as stream:
        records = [fields for fields in csv.reader(stream) if fields][1:]
    study = base.run()
    (entry,) = [row for row in study.status()["ledger"] if row["file"] == "conditions"]
    assert entry["read"] == len(records)
    assert entry["read"] == entry["loaded"] + entry["merged"] + entry["rejected"] + entry["ignored"]
    rejects = {row["record"]: row for row in study.rejects() if row["file"] == "conditions"}
    assert entry["rejected"] == len(rejects)
    lineage = study.connect().execute(LINEAGE).fetchall()
    assert sorted([*rejects, *(record for record, _, _ in lineage)]) == list(range(1, len(records) + 1))
    roles = Counter(role for _, role, _ in lineage)
    assert (roles["loaded"], roles["merged"]) == (entry["loaded"], entry["merged"])
    assert [record for record, _, code in lineage if code != records[record - 1][4]] == []
    for number, reject in rejects.items():
        fields = records[number - 1]
        raw = json.loads(reject["raw"])
        assert [raw.get(name) or "" for name in HEADER] == [*fields, *[""] * len(HEADER)][: len(HEADER)]
        assert [value for name, value in raw.items() if name not in HEADER] == fields[len(HEADER) :][:SHOWN]
    for number, fields in enumerate(records, 1):
        if len(fields) != len(HEADER):
            assert rejects[number]["reason"] == "field_count"
        elif "\0" in "".join(fields):
            assert rejects[number]["reason"] == "nul_byte"
        elif "" in {fields[0], fields[2], fields[4]}:
            assert rejects[number]["reason"] == "missing_value"
        elif fields[2] not in {"MRN-4711", "MRN-4712", "MRN-4713", "MRN-4714"}:
            assert rejects[number]["reason"] in {"invalid_time", "unknown_person"}
