"""Images in a package: DICOM files and whole slides of the persons who leave, and a table that joins them with the CDM.

All files are judged before the first one is written: whether each is what it was when it was indexed, whether its pixels may show who it is,
and which of its descriptors many persons share.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from plait.duck import sql
from plait.errors import ConfigError, ExportError
from plait.etl.executor import LocalProcesses
from plait.etl.sources.imaging import need_imaging
from plait.etl.sources.remote import forget
from plait.export.deidentify.dicom.dataset import Subject, Text
from plait.export.deidentify.dicom.values import new_uid
from plait.export.deidentify.pictures import Fate, ImageFile, Judged, Work, Written, judge, write
from plait.export.deidentify.tables import DATED
from plait.export.fair.describe import arrow_file
from plait.export.fair.model import DataFile, TableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from plait.export.outgoing import Outgoing

R = TypeVar("R")

TABLE = "images"
_FOLDER = "images"
_SPILL = ".spill/images"
_BATCH_FILES, _BATCH_BYTES = 64, 256 << 20
"""Most files of a task, and bytes beyond which it takes no further one."""
_MANY, _MUCH = 512, 1 << 30
"""Files, or bytes, from which on it is worth while to start other processes."""
_SHOWN = 5
_ABOUTS = {
    "image_occurrence_id": "The row of image_occurrence that the file is a part of.",
    "person_id": "A new id.",
    "series_uid": "The series: a UID that stands for the original.",
    "instance_uid": "The instance: a UID that stands for the original; empty of a slide that is no DICOM.",
    "path": "The file, below the package.",
    "media_type": "What it is.",
    "size_bytes": "Its size.",
    "sha256": "Its SHA-256.",
}


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """What became of the images' files.

    Attributes:
        files: How many were written.
        blanked: In how many of these what may show who it is was blanked, or cut off.
        left_out: Files that stayed in the study, by what they are and why: their number.
        faces: Of how many a face could be made; nothing was done about it.
    """

    files: int
    blanked: int
    left_out: Mapping[str, int]
    faces: int

    @property
    def about(self) -> str:
        """What was done to the images, in words for whoever uses them."""
        left = sum(self.left_out.values())
        parts = ["Images by DICOM PS3.15 Annex E: Basic Profile, modified dates, clean descriptors and structured content; slides of their levels alone."]
        if self.blanked:
            parts.append(f"What may show a name is blanked or cut off in {self.blanked:,} files.")
        if left:
            parts.append(f"Left out, for they may show a name: {left:,} files.")
        if self.faces:
            parts.append(f"Faces can be made of {self.faces:,} files of heads: they are not defaced, so make none.")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Images:
    """What was written: `images.parquet`, the images' files, and how many there are of which fate."""

    table: TableFile
    files: tuple[DataFile, ...]
    counts: ImageCounts


def write_images(out: Outgoing) -> Images:
    """Write the images of all persons who leave as `images/<person>/<series>/<instance>`, and the table `images.parquet`.

    Raises:
        ConfigError: The policy withholds images.
        ExportError: A file is not what it was, or may show who it is while the policy does not let it be blanked or left out.
        MissingExtraError: The extra `imaging` is not installed.
    """
    if "image_occurrence" in out.policy.withhold:
        raise ConfigError("--images", expected="images that may leave", got="policy.withhold: image_occurrence", todo="Leave out the one or the other.")
    need_imaging("images in a package")
    forget()
    works, series = _works(out)
    judged = [found for some in _run(works, judge) for found in some]
    files = [file for work in works for file in work.files]
    _check_whole(files, judged)
    _check_allowed(files, judged, is_allowed=out.policy.blank_images)
    fates = [_fate(found) for found in judged]
    subject = Subject(0, 0, out.key, _common(files, judged, out.policy.min_cell))
    made: list[Written | None] = []
    for some in _run(_with_fates(out, works, fates, subject), write):
        made += some
        out.progress("images", len(some))
    if broken := [file for file, one in zip(files, made, strict=True) if one is not None and one.path is None]:
        raise _refused(broken, "files that can be read to their end", {"broken": len(broken)}, "See plait verify --rehash, and mend or remove them.")
    left = Counter(f"{found.kind}: {found.risk}" for found, fate in zip(judged, fates, strict=True) if fate == "leave out")
    faces = sum(found.may_show_a_face and one is not None for found, one in zip(judged, made, strict=True))
    table = _write_table(out, [(file, one, series[file.place]) for file, one in zip(files, made, strict=True) if one is not None])
    written = tuple(DataFile(one.path, "An image.", one.media_type, one.size_bytes, one.sha256) for one in made if one is not None and one.path is not None)
    return Images(table, written, ImageCounts(len(written), fates.count("blank"), dict(sorted(left.items())), faces))


def _works(out: Outgoing) -> tuple[list[Work], dict[str, tuple[int, str]]]:
    """Give the files in tasks, and by where each goes its new image and series."""
    roots = {source.name: source.url or source.path for source in out.settings.sources}
    spill, works, series = out.folder / _SPILL, list[Work](), dict[str, tuple[int, str]]()
    rows = out.con.execute(sql("plait.export", "images")).fetchall()
    for source, some in groupby(rows, key=lambda row: row[4]):
        if source not in roots:
            raise ExportError(
                f"source {source}", expected="the source in plait.yaml", got="none of this name", todo="Name it again, with the path of its files."
            )
        batch: list[ImageFile] = []
        for image, new_image, new_id, shift, _, series_uid, instance_uid, uri, size, sha256 in some:
            of_series = out.key.uid(series_uid)
            name = new_uid(out.key, instance_uid) if instance_uid else out.key.name("file", f"{source}/{uri}")
            place = _free(f"{_FOLDER}/{new_id}/{of_series}/{name}", series)
            series[place] = (new_image, of_series)
            batch.append(ImageFile(image, new_id, shift, uri, size, sha256, place))
            if len(batch) >= _BATCH_FILES or sum(file.size_bytes or 0 for file in batch) >= _BATCH_BYTES:
                works.append(Work(roots[source], tuple(batch), spill))
                batch = []
        if batch:
            works.append(Work(roots[source], tuple(batch), spill))
    return works, series


def _free(place: str, taken: Mapping[str, object]) -> str:
    """Give a place that no other file has: an instance may stand twice in a series."""
    number, free = 1, place
    while free in taken:
        number += 1
        free = f"{place}-{number}"
    return free


def _run(works: Sequence[Work], function: Callable[[Work], list[R]]) -> Iterator[list[R]]:
    """Yield what a function gives of each task, in order."""
    files = [file for work in works for file in work.files]
    if len(files) < _MANY and sum(file.size_bytes or 0 for file in files) < _MUCH:
        yield from map(function, works)
    else:
        yield from LocalProcesses(os.cpu_count() or 1).run(works, function)


def _with_fates(out: Outgoing, works: Sequence[Work], fates: Sequence[Fate], subject: Subject) -> list[Work]:
    """Give the tasks with what becomes of each file."""
    made, start = [], 0
    for work in works:
        end = start + len(work.files)
        made.append(replace(work, fates=tuple(fates[start:end]), folder=out.folder, subject=subject))
        start = end
    return made


def _fate(found: Judged) -> Fate:
    if found.risk is None:
        return "copy"
    return "blank" if found.can_be_blanked else "leave out"


def _common(files: Sequence[ImageFile], judged: Sequence[Judged], min_cell: int) -> frozenset[Text]:
    """Give the descriptors that at least as many persons have as the smallest cell, and that have no date in them."""
    persons: dict[Text, set[int]] = {}
    for file, found in zip(files, judged, strict=True):
        for text in found.texts:
            persons.setdefault(text, set()).add(file.new_id)
    return frozenset(text for text, who in persons.items() if len(who) >= min_cell and not re.search(DATED, text[1]))


def _check_whole(files: Sequence[ImageFile], judged: Sequence[Judged]) -> None:
    """Fail where a file is not what it was when it was indexed, or last checked."""
    wrong = [(file, found.fault) for file, found in zip(files, judged, strict=True) if found.fault is not None]
    if wrong:
        counts = Counter[str](fault for _, fault in wrong)
        raise _refused([file for file, _ in wrong], "files as they were indexed", counts, "See which: plait verify --rehash. Mend them, or run the ETL again.")


def _check_allowed(files: Sequence[ImageFile], judged: Sequence[Judged], *, is_allowed: bool) -> None:
    """Fail where the pixels of a file may show who it is, unless the policy says what becomes of these."""
    risky = [(file, f"{found.kind}: {found.risk}") for file, found in zip(files, judged, strict=True) if found.risk is not None]
    if risky and not is_allowed:
        counts = Counter(why for _, why in risky)
        todo = "Set policy.blank_images: true, which blanks what can be and leaves out the rest."
        raise _refused([file for file, _ in risky], "images that show nobody's name", counts, todo)


def _refused(files: Sequence[ImageFile], expected: str, counts: Mapping[str, int], todo: str) -> ExportError:
    """Give an error that names images by the study's own ids, and nothing else of them."""
    images = sorted({file.image for file in files})
    named = ", ".join(map(str, images[:_SHOWN])) + (f", and {len(images) - _SHOWN} more" if len(images) > _SHOWN else "")
    got = "; ".join(f"{count:,} files ({why})" for why, count in sorted(counts.items()))
    return ExportError(f"images {named}", expected=expected, got=got, todo=f"{todo} Nothing was written.")


def _write_table(out: Outgoing, rows: Sequence[tuple[ImageFile, Written, tuple[int, str]]]) -> TableFile:
    """Write `images.parquet`, a row for each file, in the order of new ids."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.int64() if name.endswith("_id") or name == "size_bytes" else pa.string()) for name in _ABOUTS])
    content = [
        (new_image, file.new_id, of_series, one.instance_uid, one.path, one.media_type, one.size_bytes, one.sha256)
        for file, one, (new_image, of_series) in rows
    ]
    columns = list(zip(*content, strict=True)) or [()] * len(schema)
    table = pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema).sort_by(
        [("image_occurrence_id", "ascending"), ("path", "ascending")]
    )
    path = f"{TABLE}.parquet"
    pq.write_table(table, out.folder / path, compression="zstd")
    return arrow_file(out.folder, path, TABLE, "A file of an image.", table.num_rows, schema, _ABOUTS)
