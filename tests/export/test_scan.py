"""The last look: an identifier is found wherever it stands, its place is told and it is not; what is no identifier is left alone."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import h5py
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plait
from plait.errors import ExportError, StudyError
from plait.export.known.identifiers import Known
from plait.export.known.telling import telling
from plait.export.outgoing import leaving
from plait.export.phrases import Phrases
from plait.export.scan import CLOSED, Hit, scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KNOWN = ("MRN-0042-Z", "Jane Roe", "47110815", "617-555-0199", "12 Old Mill Road", "1.2.840.99.7")
SECRETS = ("0042", "Jane", "jane", "Roe", "47110815", "0199", "Old Mill")


def looked(folder: Path, *, allowed: tuple[str, ...] = ()) -> list[Hit]:
    """Give what a scan finds, having seen that it tells nothing of it."""
    hits = scan(folder, KNOWN, allowed=allowed)
    told = " ".join(f"{hit.place} {hit.kind}" for hit in hits)
    assert not [secret for secret in SECRETS if secret in told], told
    return hits


def write_table(path: Path, column: Any, name: str = "value") -> None:  # noqa: ANN401 - whatever a column holds
    pq.write_table(pa.table({"n": pa.array(range(len(column))), name: column}), path)


def in_list(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([["x"], ["y", "seen: JANE  ROE"]]))


def in_struct(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([{"who": {"name": "Roe, Jane or Jane Roe"}}, {"who": None}]))


def in_map(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([[("jane-roe", 1)]], pa.map_(pa.string(), pa.int64())))


def in_dictionary(path: Path) -> None:
    write_table(path / "a.parquet", pa.array(["a", "mrn 0042 z"] * 9).dictionary_encode())


def in_bytes(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([b"Jane Roe", b"\xff\xfe"]))


def in_number_column(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([47110815, 1]), "patient_number")


def in_nested_number(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([{"sample_id": 47110815}]))


def in_key_value_metadata(path: Path) -> None:
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"of": "Jane Roe"}), path / "a.parquet")


def in_field_metadata(path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1])], schema=pa.schema([pa.field("n", pa.int64(), metadata={"of": "Jane Roe"})])), path / "a.parquet")


def in_column_name(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([1.0]), "CA 15-3 of Jane Roe")


def in_nested_column_name(path: Path) -> None:
    write_table(path / "a.parquet", pa.array([{"Jane Roe": 1}]))


def in_folder_name(path: Path) -> None:
    (path / "Jane_Roe").mkdir()
    (path / "Jane_Roe" / "a.txt").write_text("nothing", encoding="utf-8")


def in_file_name(path: Path) -> None:
    (path / "scan_MRN_0042_Z.txt").write_text("nothing", encoding="utf-8")


def in_escaped_json(path: Path) -> None:
    (path / "a.json").write_text('{"a": ["\\u004aane\\tRoe"]}', encoding="utf-8")


def in_json_lines(path: Path) -> None:
    (path / "a.ndjson").write_text('{"a": 1}\n{"b": {"47110815": 2}}\n', encoding="utf-8")


def in_utf16(path: Path) -> None:
    (path / "a.txt").write_text("of Jane Roe", encoding="utf-16")


def in_other_punctuation(path: Path) -> None:
    (path / "a.md").write_text("call (617) 555.0199\nat 12 Old Mill Road", encoding="utf-8")


def in_zip(path: Path) -> None:
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        archive.writestr("b.csv", "id,who\n1,MRN-0042-Z\n")


def in_zip_member_name(path: Path) -> None:
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        archive.writestr("Jane Roe/b.csv", "id\n1\n")


def in_zip_in_zip(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b.json", '{"who": "Jane Roe"}')
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())


def in_zip_comment(path: Path) -> None:
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        archive.writestr("b.txt", "nothing")
        archive.comment = b"of Jane Roe"


def in_tar(path: Path) -> None:
    with tarfile.open(path / "a.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("b.txt")
        info.size = 8
        archive.addfile(info, io.BytesIO(b"Jane Roe"))


def in_gzip(path: Path) -> None:
    with gzip.open(path / "a.csv.gz", "wt", encoding="utf-8") as stream:
        stream.write("id,who\n1,Jane Roe\n")


def in_uns(path: Path) -> None:
    with h5py.File(path / "a.h5ad", "w") as file:
        file.create_group("uns/import").create_dataset("source", data="run of MRN-0042-Z")


def in_obs_index(path: Path) -> None:
    with h5py.File(path / "a.h5ad", "w") as file:
        file.create_dataset("obs/_index", data=np.array(["s1", "jane-roe"], dtype=h5py.string_dtype()))


def in_group_name(path: Path) -> None:
    with h5py.File(path / "a.h5mu", "w") as file:
        file.create_group("mod/rna/Jane Roe")


def in_attribute(path: Path) -> None:
    with h5py.File(path / "a.h5", "w") as file:
        file.create_group("x").attrs["columns"] = np.array(["a", "Jane Roe"], dtype=h5py.string_dtype())


def in_record_array(path: Path) -> None:
    with h5py.File(path / "a.h5", "w") as file:
        file.create_dataset("t", data=np.array([(1, b"Jane Roe")], dtype=[("n", "i4"), ("who", "S10")]))


def in_number_array(path: Path) -> None:
    with h5py.File(path / "a.h5ad", "w") as file:
        file.create_dataset("obs/patient_id", data=np.array([47110815, 2]))


def in_numpy(path: Path) -> None:
    np.save(path / "a.npy", np.array(["x", "Jane Roe"]))


def in_npz(path: Path) -> None:
    np.savez(path / "a.npz", names=np.array(["x", "Jane Roe"]))


def in_dicom(path: Path) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset

    item = Dataset()
    item.ReferringPhysicianName = "Roe^Jane and Jane^Roe"
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
    data.RequestAttributesSequence = [item]
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data.save_as(path / "a.dcm", enforce_file_format=True)


def in_private_element(path: Path) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset

    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
    data.private_block(0x0011, "ours", create=True).add_new(1, "UN", b"Jane Roe")
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data.save_as(path / "image", enforce_file_format=True)


def in_png(path: Path) -> None:
    from PIL import Image, PngImagePlugin

    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "of Jane Roe")
    Image.new("L", (4, 4)).save(path / "a.png", pnginfo=told)


def in_jpeg(path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = "Jane Roe"
    Image.new("L", (4, 4)).save(path / "a.jpg", exif=exif)


def in_tiff(path: Path) -> None:
    import tifffile

    tifffile.imwrite(path / "a.tif", np.zeros((4, 4), np.uint8), description="slide of Jane Roe")


def in_uid(path: Path) -> None:
    (path / "a.json").write_text(json.dumps({"series": "1.2.840.99.7"}), encoding="utf-8")


PLACES = [value for name, value in sorted(globals().items()) if name.startswith("in_") and callable(value)]


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_an_identifier_is_found_wherever_it_stands(plant: Callable[[Path], None], tmp_path: Path) -> None:
    plant(tmp_path)
    assert [hit for hit in looked(tmp_path) if "knows" in hit.kind], plant.__name__


def test_what_nobody_can_look_into_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing more")
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.4\x00\xff")
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("f.pkl", b"\x80\x04\x00")
    assert [hit.kind for hit in looked(tmp_path)] == [CLOSED] * 5


def test_what_is_no_identifier_is_left_alone(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "concept_id": [47110815, 201826],
            "person_id": [1, 2],
            "value": ["Roe deer", "Jane"],
            "range": ["120/80", "15-3"],
            "at": ["2019-03-14 10:22:00", "2.25.33.44"],
            "number": ["0042", "4711"],
        }
    ).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"concept_id": ["47110815", "2"], "note": ["[phone] [name]", "[email]"]}).write_csv(tmp_path / "b.csv")
    (tmp_path / "c.json").write_text(json.dumps({"sha256": "47110815" * 8, "contact": "data@example.org"}), encoding="utf-8")
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  a.parquet\n", encoding="utf-8")
    assert looked(tmp_path, allowed=("data@example.org",)) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call 617-555-0142 today", "telephone"),
        ("(617) 555 0142.", "telephone"),
        ("+49 30 901820", "telephone"),
        ("jane@example.net", "e-mail"),
        ("987-65-4329", "social security"),
        ("MRN: 00421337", "medical record"),
    ],
)
def test_what_looks_like_an_identifier_is_found(text: str, kind: str, tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", pa.array(["plain", text]))
    (hit,) = looked(tmp_path)
    assert (hit.place, hit.count) == ("a.parquet, column value", 1)
    assert kind in hit.kind


@given(st.lists(st.text("ab1- ü", min_size=1, max_size=8), min_size=1, max_size=6), st.lists(st.text("ab1- ü.", max_size=12), max_size=8))
def test_phrases_are_found_as_by_looking_for_each(known: list[str], texts: list[str]) -> None:
    phrases = Phrases(known)
    found = set(phrases.within(pl.Series("text", texts, pl.String)).rows())
    spelt = [" ".join(text.replace("ü", "u").replace("-", " ").replace(".", " ").split()) for text in texts]
    wanted = {" ".join(one.replace("ü", "u").replace("-", " ").split()) for one in known} - {""}
    assert found == {(row, one) for row, text in enumerate(spelt) for one in wanted if f" {one} " in f" {text} "}


def test_what_everybody_says_is_not_looked_for_everywhere() -> None:
    rows = [
        ("name", "Young"),
        ("name", "May Young"),
        ("number", "1042"),
        ("number", "104211"),
        ("number", "jdoe7"),
        ("address", "Main Street"),
        ("address", "12 Main Street"),
        ("place", "Port Fixture 12"),
        ("file", "CT"),
        ("file", "IMG-2041"),
    ]
    frame = pl.DataFrame([(1, *row) for row in rows], schema=["person_id", "kind", "text"], orient="row")
    assert sorted(telling(frame)) == sorted(["May Young", "104211", "jdoe7", "12 Main Street", "IMG-2041"])


@pytest.fixture(scope="module")
def study(few_with: Callable[..., Path]) -> Path:
    """Give a demo of few patients, of which any cell may be told and whose notes leave scrubbed."""
    return few_with(min_cell=1, notes="scrub")


@pytest.fixture(scope="module")
def patient(study: Path) -> dict[str, str]:
    """Give the first patient, as the source tells."""
    row: dict[str, str] = duckdb.sql(f"FROM '{study}/data/synthea/patients.csv'").pl().to_dicts()[0]
    return row


def name_in_column(folder: Path, patient: dict[str, str]) -> None:
    pl.DataFrame({f"score of {patient['FIRST']} {patient['LAST']}": [1.0]}).write_parquet(folder / "scores.parquet")


def number_in_file_name(folder: Path, patient: dict[str, str]) -> None:
    (folder / f"{patient['SSN']}.json").write_text("{}", encoding="utf-8")


def id_in_uns(folder: Path, patient: dict[str, str]) -> None:
    with h5py.File(folder / "rna.h5ad", "w") as file:
        file.create_dataset("uns/command", data=f"--exclude {patient['Id'].upper()}")


def mail_in_snapshot(folder: Path, patient: dict[str, str]) -> None:
    del patient
    (folder / "snapshots").mkdir()
    pl.DataFrame({"person_id": [1], "asked": ["jane@example.net"]}).write_parquet(folder / "snapshots" / "s.parquet")


def identifier_in_zip(folder: Path, patient: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / "models.zip", "w") as archive:
        archive.writestr("rows.csv", f"id,passport\n1,{patient['DRIVERS']}\n")


FAULTS: dict[Callable[[Path, dict[str, str]], None], str] = {
    name_in_column: r"knows in scores.parquet, the column's name",
    number_in_file_name: r"knows in \., the name of a file",
    id_in_uns: r"knows in rna.h5ad, uns/command",
    mail_in_snapshot: r"an e-mail address in snapshots/s.parquet, column asked",
    identifier_in_zip: r"knows in models.zip!rows.csv, column passport",
}


class Watched:
    """A connection that is asked nothing once what it spilled is gone."""

    def __init__(self, con: duckdb.DuckDBPyConnection, spill: Path) -> None:
        self.con, self.spill, self.asked = con, spill, 0

    def execute(self, query: str) -> duckdb.DuckDBPyConnection:
        assert self.spill.is_dir()
        self.asked += 1
        return self.con.execute(query)


@pytest.mark.parametrize("text", ["nothing", "näh"])
def test_the_last_look_asks_nothing_of_what_is_gone(text: str, study: Path, tmp_path: Path) -> None:
    opened = plait.open(study)
    assert opened.version is not None
    with leaving(study, opened.version, opened.settings, tmp_path / "out", has_notes=False) as out:
        (out.folder / "a.txt").write_text(text, encoding="utf-8")
        con: Any = Watched(out.con, out.folder / ".spill")
        assert [*replace(out, con=con, known=Known(con)).seal()] == ["a.txt"]
        assert con.asked > 0
        assert not con.spill.exists()


def test_what_was_spilled_never_leaves(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On some file systems an open file stays in its folder."""
    opened = plait.open(study)
    assert opened.version is not None
    remove = shutil.rmtree
    monkeypatch.setattr("plait.export.outgoing.shutil.rmtree", lambda path, **_: None if path.name == ".spill" else remove(path))
    with (
        pytest.raises(ExportError, match=r"\.spill: expected a folder that can be removed"),
        leaving(study, opened.version, opened.settings, tmp_path / "out", has_notes=False) as out,
    ):
        out.seal()
    assert not (tmp_path / "out").exists()


def test_too_little_memory_is_told_and_leaves_nothing(study: Path, tmp_path: Path) -> None:
    opened = plait.open(study)
    assert opened.version is not None
    with (
        pytest.raises(StudyError, match=r"get along with 300 MiB.*Raise --memory.*Nothing was written"),
        leaving(study, opened.version, opened.settings, tmp_path / "out", has_notes=False, memory="300MiB") as out,
    ):
        out.con.execute("SELECT len(list(n)) FROM range(100_000_000) AS r (n)")  # one list, which cannot be spilled
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_stops_the_export(plant: Callable[[Path, dict[str, str]], None], study: Path, patient: dict[str, str], tmp_path: Path) -> None:
    opened = plait.open(study)

    def export() -> None:
        assert opened.version is not None
        with leaving(study, opened.version, opened.settings, tmp_path / "out", has_notes=False) as out:
            plant(out.folder, patient)
            out.seal()

    with pytest.raises(ExportError, match=FAULTS[plant]) as told:
        export()
    for key in ("FIRST", "LAST", "SSN", "Id", "DRIVERS"):
        assert patient[key] not in str(told.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_telephone_number_in_a_word_that_all_share_stops_the_export(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    table = folder / "data/synthea/observations.csv"
    text = table.read_text(encoding="utf-8").splitlines()
    place = text[0].split(",").index("VALUE")
    for number, line in enumerate(text[1:], 1):
        fields = line.split(",")
        if fields[place - 1] == '"Tobacco smoking status"' or number == 5:
            fields[place], fields[place + 2] = "ask 617-555-0142", "text"
            text[number] = ",".join(fields)
    table.write_text("\n".join(text) + "\n", encoding="utf-8")
    plait.open(folder).run_etl()
    with pytest.raises(ExportError, match=r"a telephone number in (observation|measurement).parquet, column value_(as_string|source_value)") as told:
        plait.open(folder).export_omop(tmp_path / "out", row_level=True)
    assert "0142" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ('{"vcfRecord":{"pos":"12345678","ref":"A"}}', False),
        ('{"value":"NC_000017.11:g.12345678_12345680del"}', False),
        ('{"value":"NM_1.1:c.12345678+12dup","who":"12345678"}', True),
        ('{"pos":"1234","id":"12345678"}', True),
    ],
)
def test_a_place_in_a_genome_is_no_record_number(tmp_path: Path, text: str, is_found: bool) -> None:  # noqa: FBT001 - what is expected
    (tmp_path / "1.json").write_text(text, encoding="utf-8")
    assert bool(scan(tmp_path, ["12345678"])) is is_found
