"""What an image says in words, as a last look at a package reads it: the texts of a DICOM header at any depth, the tags of a TIFF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.export.deidentify.dicom.dataset import text_of
from plait.export.deidentify.dicom.instance import opened
from plait.export.deidentify.slides.tiff import read_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

PICTURES = frozenset({".dcm", ".svs", ".tif"})
"""Suffixes of images in a package."""

_OWN = frozenset({"PatientID", "PatientName"})
"""Attributes that have the new id."""
_NUMBERS = frozenset({"DS", "IS"})
_LONG_NUMBER = 6
_ASCII = 2


def words_in(path: Path) -> str:
    """Give all texts of an image, a line for each value."""
    if path.suffix != ".dcm":
        with path.open("rb") as file:
            tags = [tag for page in read_pages(file) for one in (page, *page.below) for tag in one.tags.values()]
        return "\n".join(tag.value.decode("latin-1").replace("\0", "\n") for tag in tags if tag.kind == _ASCII)
    with opened(path) as source:
        return "\n".join((*_words(source.header.file_meta), *_words(source.header)))


def _words(dataset: Dataset) -> Iterator[str]:
    """Yield the texts of a dataset and what is nested in it; of numbers, whole ones that are long."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _words(item)
        elif element.VR in _NUMBERS:
            yield from (part for part in text_of(element).split("\\") if part.isdecimal() and len(part) >= _LONG_NUMBER)
        elif isinstance(element.value, (bytes, int, float)) or element.is_empty or element.keyword in _OWN:
            continue
        else:
            yield from text_of(element).split("\\")
