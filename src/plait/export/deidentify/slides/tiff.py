"""TIFF and BigTIFF, read and written by their directories (TIFF 6.0, section 2): pages are chosen, tags are chosen, tiles are copied as they are.

What no chosen tag points at is not copied: nothing is left in gaps, as there is where a page is only unlinked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT, _COMPRESSION, _DESCRIPTION, _SUB_PAGES = 256, 257, 259, 270, 330
_KIND, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 254, 282, 283, 296
_BLOCKS = ((324, 325), (273, 279))
"""Offsets and lengths of tiles, and of strips."""
_STAYS = frozenset({254, 255, 256, 257, 258, 259, 262, 266, 274, 277, 278, 282, 283, 284, 296, 301, 317, 318, 319, 320, 322, 323})
_ALSO_STAYS = frozenset({338, 339, 347, 529, 530, 531, 532, 32997, 34675})
"""Tags that stay: how pixels are stored, and their colours and resolution. Names, dates, programs, texts and what vendors add do not."""
_OLD_JPEG = 6
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_ASCII, _SHORT, _LONG, _RATIONAL, _LONG8 = 2, 3, 4, 5, 16
_MOST_PAGES, _MOST_TAGS, _MOST_BYTES = 1000, 1000, 256 << 20
_BLOCK_BYTES = 1 << 20


class NotTiff(Exception):  # noqa: N818 - a reason, which the export tells
    """A file is no TIFF that can be read, or one whose pixels cannot be copied."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a page: its type, how many values, and their bytes."""

    kind: int
    count: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its tags, and the pages that stand below it.

    Attributes:
        order: `<` or `>`, as `struct` has it.
        tags: Its tags by code.
        below: Its sub-pages.
    """

    order: str
    tags: dict[int, Tag]
    below: tuple[Page, ...] = ()

    def numbers(self, code: int) -> tuple[int, ...]:
        """Give the whole numbers of a tag, none where it is not there."""
        tag = self.tags.get(code)
        if tag is None or tag.kind not in _INTEGERS:
            return ()
        return struct.unpack(f"{self.order}{tag.count}{_INTEGERS[tag.kind]}", tag.value)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 where it does not say."""
        return (self.numbers(_WIDTH) or (0,))[0], (self.numbers(_HEIGHT) or (0,))[0]

    @property
    def is_tiled(self) -> bool:
        """Whether its pixels stand in tiles."""
        return _BLOCKS[0][0] in self.tags

    @property
    def kind(self) -> int:
        """What it says that it is: 1 a smaller one, 8 what Aperio calls a macro."""
        return (self.numbers(_KIND) or (0,))[0]

    @property
    def description(self) -> str:
        """Its description, which may hold anything."""
        tag = self.tags.get(_DESCRIPTION)
        return "" if tag is None else tag.value.decode("latin-1").strip("\0 ")

    def plain(self, description: str | None, mpp: tuple[float, float] | None) -> Self:
        """Give the page with the tags that stay, another description, and, where it has no resolution, that in microns per pixel."""
        kept = {code: tag for code, tag in self.tags.items() if code in _STAYS or code in _ALSO_STAYS or code in {code for pair in _BLOCKS for code in pair}}
        if description:
            value = description.encode("ascii") + b"\0"
            kept[_DESCRIPTION] = Tag(_ASCII, len(value), value)
        if mpp and not {_X_RESOLUTION, _Y_RESOLUTION} <= kept.keys():
            for code, microns in zip((_X_RESOLUTION, _Y_RESOLUTION), mpp, strict=True):
                kept[code] = Tag(_RATIONAL, 1, struct.pack(f"{self.order}II", round(10_000 / microns * 1000), 1000))
            kept[_UNIT] = Tag(_SHORT, 1, struct.pack(f"{self.order}H", 3))
        return replace(self, tags=kept)


@dataclass(frozen=True, slots=True)
class _Form:
    """How directories are written: the order of bytes, and whether places have eight of them (BigTIFF)."""

    order: str
    is_big: bool

    @property
    def place(self) -> str:
        return self.order + ("Q" if self.is_big else "I")

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.is_big else "H")

    @property
    def inline(self) -> int:
        return 8 if self.is_big else 4


def read_pages(file: IO[bytes]) -> list[Page]:
    """Give the pages of a file in their order, without their pixels.

    Raises:
        NotTiff: It is none, or its directories are broken.
    """
    form = _form(file)
    file.seek(8 if form.is_big else 4)
    place, pages, seen = _number(file, form.place), list[Page](), set[int]()
    while place:
        if place in seen or len(pages) >= _MOST_PAGES:
            raise NotTiff
        seen.add(place)
        page, place = _page(file, form, place, depth=0)
        pages.append(page)
    if not pages:
        raise NotTiff
    return pages


def write_pages(source: IO[bytes], target: IO[bytes], pages: Sequence[Page]) -> None:
    """Write pages of a file into a new one, in its form; tiles and strips are copied block by block.

    Args:
        source: The file.
        target: The new one, empty.
        pages: Pages that `read_pages` gave of it, as they are to be.

    Raises:
        NotTiff: A tile is not in the file, or the pixels are stored in a way that cannot be copied.
    """
    form = _form(source)
    start = b"II" if form.order == "<" else b"MM"
    target.write(start + (struct.pack(f"{form.order}HHHQ", 43, 8, 0, 0) if form.is_big else struct.pack(f"{form.order}HI", 42, 0)))
    link = 8 if form.is_big else 4
    for page in pages:
        place, link_of_page = _write_page(source, target, form, page)
        target.seek(link)
        target.write(struct.pack(form.place, place))
        target.seek(0, 2)
        link = link_of_page


def _form(file: IO[bytes]) -> _Form:
    file.seek(0)
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:  # noqa: PLR2004 - the shortest header
        raise NotTiff
    (version,) = struct.unpack(f"{order}H", head[2:4])
    if version not in {42, 43}:
        raise NotTiff
    return _Form(order, version == 43)  # noqa: PLR2004 - BigTIFF


def _page(file: IO[bytes], form: _Form, place: int, *, depth: int) -> tuple[Page, int]:
    """Read a directory, and give the page and the place of the next one."""
    file.seek(place)
    count = _number(file, form.count)
    if count > _MOST_TAGS:
        raise NotTiff
    width = 20 if form.is_big else 12
    entries, after = _exactly(file, count * width), _number(file, form.place)
    tags = {}
    for start in range(0, len(entries), width):
        code, kind = struct.unpack(f"{form.order}HH", entries[start : start + 4])
        (values,) = struct.unpack(form.place, entries[start + 4 : start + 4 + form.inline])
        if kind in _SIZES:
            tags[code] = Tag(kind, values, _value(file, form, entries[start + 4 + form.inline : start + width], values * _SIZES[kind]))
    page = Page(form.order, tags)
    below = [] if depth else [_page(file, form, one, depth=1)[0] for one in page.numbers(_SUB_PAGES)[:_MOST_PAGES]]
    return replace(page, below=tuple(below)), after


def _value(file: IO[bytes], form: _Form, field: bytes, size: int) -> bytes:
    """Give the bytes of a tag: they stand in its entry where they fit, else where it points."""
    if size <= form.inline:
        return field[:size]
    if size > _MOST_BYTES:
        raise NotTiff
    file.seek(struct.unpack(form.place, field)[0])
    return _exactly(file, size)


def _write_page(source: IO[bytes], target: IO[bytes], form: _Form, page: Page) -> tuple[int, int]:
    """Write a page and those below it, and give its place and that of its link to the next one."""
    if _OLD_JPEG in page.numbers(_COMPRESSION):
        raise NotTiff
    below = [_write_page(source, target, form, one)[0] for one in page.below]
    tags = dict(page.tags)
    for offsets, lengths in _BLOCKS:
        if offsets in tags:
            tags[offsets] = _copied(source, target, form, page.numbers(offsets), page.numbers(lengths))
    if below:
        tags[_SUB_PAGES] = _places(form, below)
    fields = []
    for code, tag in sorted(tags.items()):
        fields.append(struct.pack(f"{form.order}HH", code, tag.kind) + struct.pack(form.place, tag.count) + _field(target, form, tag))
    _align(target)
    place = target.tell()
    target.write(struct.pack(form.count, len(fields)) + b"".join(fields))
    link = target.tell()
    target.write(struct.pack(form.place, 0))
    return place, link


def _field(target: IO[bytes], form: _Form, tag: Tag) -> bytes:
    """Give what stands in the entry of a tag: its value, or the place where it was written."""
    if len(tag.value) <= form.inline:
        return tag.value.ljust(form.inline, b"\0")
    _align(target)
    place = target.tell()
    target.write(tag.value)
    return struct.pack(form.place, place)


def _copied(source: IO[bytes], target: IO[bytes], form: _Form, offsets: Sequence[int], lengths: Sequence[int]) -> Tag:
    """Copy tiles or strips, and give where they are now; one without bytes is nowhere."""
    if len(offsets) != len(lengths):
        raise NotTiff
    places = []
    for offset, length in zip(offsets, lengths, strict=True):
        _align(target)
        places.append(target.tell() if length else 0)
        source.seek(offset)
        for left in range(length, 0, -_BLOCK_BYTES):
            target.write(_exactly(source, min(left, _BLOCK_BYTES)))
    return _places(form, places)


def _places(form: _Form, places: Sequence[int]) -> Tag:
    return Tag(_LONG8 if form.is_big else _LONG, len(places), struct.pack(f"{form.order}{len(places)}{'Q' if form.is_big else 'I'}", *places))


def _align(target: IO[bytes]) -> None:
    """Go to an even place, where a value must begin."""
    if target.tell() % 2:
        target.write(b"\0")


def _number(file: IO[bytes], kind: str) -> int:
    (number,) = struct.unpack(kind, _exactly(file, struct.calcsize(kind)))
    return int(number)


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise NotTiff
    return found
