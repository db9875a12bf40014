"""A whole slide in a TIFF: which of its pages are levels, which show the label, and the slide of its levels alone.

Of what it says of itself, resolution and magnification stay. Aperio's SVS and TIFFs of tiles (BigTIFF, OME-TIFF with its levels as sub-pages)
can be cleaned; other vendors' formats hold labels and texts where only their own programs find them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from plait.errors import MissingExtraError
from plait.etl.sources.wsi.slide import SlideFacts, SlideFault, read_slide
from plait.export.deidentify.slides.tiff import NotTiff, Page, read_pages, write_pages

if TYPE_CHECKING:
    from pathlib import Path

Risk = Literal["a label or an overview of a slide", "a format of slides that plait cannot clean"]

_CLEANED = frozenset({None, "aperio", "generic-tiff"})
"""Formats, in OpenSlide's words, whose levels are pages of a TIFF; of TIFFs that OpenSlide does not open, no vendor is told."""
_APERIO = "aperio"
_NUMBERS = {"AppMag": re.compile(r"\|\s*AppMag\s*=\s*(\d+(?:\.\d+)?)"), "MPP": re.compile(r"\|\s*MPP\s*=\s*(\d+(?:\.\d+)?)")}
"""What stays of Aperio's description: the magnification, and microns per pixel."""
_REDUCED = 1
_ALIKE = 0.02
"""By how much the ratio of a level's sides may differ from the whole's, for it is rounded."""


class NotCleanable(Exception):  # noqa: N818 - a reason, which the export tells
    """A slide is in a format that plait cannot clean, or it is broken."""


def slide_risk(path: Path) -> Risk | None:
    """Give why a slide may show who it is beside its levels, None where it does not.

    Raises:
        NotCleanable: It is no slide that can be read.
    """
    _, pages, is_cleaned = _opened(path)
    if not is_cleaned:
        return "a format of slides that plait cannot clean"
    whole = pages[0]
    others = [page for page in (*pages[1:], *whole.below) if not _is_level(page, whole) and not _is_small_copy(page, whole)]
    return "a label or an overview of a slide" if others else None


def write_slide(path: Path, target: Path) -> None:
    """Write a slide of its levels alone: no label, no macro, no thumbnail, and no words but its resolution.

    Raises:
        NotCleanable: It is in another format, or what was written is not the slide that it was.
    """
    facts, pages, is_cleaned = _opened(path)
    if not is_cleaned:
        raise NotCleanable
    whole = pages[0]
    is_aperio = facts.vendor == _APERIO
    mpp = None if facts.mpp_x is None or facts.mpp_y is None or is_aperio else (facts.mpp_x, facts.mpp_y)
    levels = [page for page in pages if page is whole or _is_level(page, whole)]
    made = [_plain(page, whole, mpp=mpp if page is whole else None, is_aperio=is_aperio) for page in levels]
    try:
        with path.open("rb") as source, target.open("wb") as written:
            write_pages(source, written, made)
        found = read_slide(target)
    except (NotTiff, SlideFault):
        raise NotCleanable from None
    if found.associated or (found.vendor, found.width, found.height, found.levels[:1]) != (facts.vendor, facts.width, facts.height, facts.levels[:1]):
        raise NotCleanable


def suffix_of(path: Path) -> str:
    """Give the suffix that a slide's new file has."""
    return ".svs" if path.suffix.lower() == ".svs" else ".tif"


def _opened(path: Path) -> tuple[SlideFacts, list[Page], bool]:
    """Give what a slide says of itself, its pages, and whether it is of a format that can be cleaned."""
    try:
        facts = read_slide(path)
        if facts.vendor not in _CLEANED:
            return facts, [], False
        with path.open("rb") as file:
            return facts, read_pages(file), True
    except (NotTiff, SlideFault):
        raise NotCleanable from None
    except MissingExtraError:
        raise


def _plain(page: Page, whole: Page, *, mpp: tuple[float, float] | None, is_aperio: bool) -> Page:
    """Give a level without words."""
    below = tuple(one.plain(None, None) for one in page.below if _is_level(one, whole))
    return replace(page.plain(_aperio_words(page, whole) if is_aperio else None, mpp), below=below)


def _aperio_words(page: Page, whole: Page) -> str:
    """Give a description that tells no more than that it is Aperio's, the size, the magnification and the resolution."""
    said = {name: found[1] for name, pattern in _NUMBERS.items() if (found := pattern.search(whole.description))}
    width, height = page.size
    return "|".join((f"Aperio Image Library\r\n{width}x{height}", *(f"{name} = {value}" for name, value in said.items())))


def _is_level(page: Page, whole: Page) -> bool:
    """Say whether a page is a smaller picture of the whole, in tiles as it is."""
    return page.is_tiled and page.kind in {0, _REDUCED} and _is_alike(page, whole)


def _is_small_copy(page: Page, whole: Page) -> bool:
    """Say whether a page is a thumbnail of the whole, without the label beside it."""
    return page.kind in {0, _REDUCED} and _is_alike(page, whole) and not re.search(r"(?i)label|macro|barcode", page.description)


def _is_alike(page: Page, whole: Page) -> bool:
    (width, height), (full_width, full_height) = page.size, whole.size
    if not min(width, height, full_width, full_height):
        return False
    slack = _ALIKE + 1 / min(width, height)
    return width <= full_width and height <= full_height and abs(width * full_height / (height * full_width) - 1) <= slack
