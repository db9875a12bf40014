"""Pixels that may show text are blanked where the file says which ones cannot: outside of the regions of an ultrasound (DICOM PS3.3, C.8.5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy as np
    import numpy.typing as npt
    from pydicom.dataset import Dataset

_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
_BLACK: dict[str, tuple[int, ...]] = {"MONOCHROME2": (0,), "PALETTE COLOR": (0,), "RGB": (0, 0, 0), "YBR_FULL": (0, 128, 128)}
"""A blank pixel by photometric interpretation; white where 0 is white would be as blank."""


class NotBlankable(Exception):  # noqa: N818 - a reason, which the export counts
    """Nobody knows where text may be in the pixels, or they are compressed."""


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object:
        """Take bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Blank:
    """What is blanked in each frame.

    Attributes:
        inside: `(rows, columns) bool`, what stays.
        black: A blank pixel.
        kind: Type of a sample.
        is_planar: Whether the samples of a colour stand together.
    """

    inside: npt.NDArray[np.bool_]
    black: tuple[int, ...]
    kind: np.dtype[Any]
    is_planar: bool

    @classmethod
    def of(cls, header: Dataset, order: str) -> Self:
        """Give what is blanked in the frames of an instance.

        Raises:
            NotBlankable: It has no regions, nothing is outside of them, or its pixels are compressed or of a kind that is not known.
        """
        import numpy as np

        rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
        black, bits = _BLACK.get(str(header.get("PhotometricInterpretation", ""))), int(header.get("BitsAllocated") or 0)
        syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", ""))
        if syntax not in _NATIVE or black is None or bits not in {8, 16} or len(black) != int(header.get("SamplesPerPixel") or 0):
            raise NotBlankable
        inside = np.zeros((rows, columns), np.bool_)
        for region in header.get("SequenceOfUltrasoundRegions") or ():
            left, top, right, bottom = (int(region.get(f"RegionLocation{name}", -1)) for name in ("MinX0", "MinY0", "MaxX1", "MaxY1"))
            if not (0 <= left <= right and 0 <= top <= bottom):
                raise NotBlankable
            inside[top : bottom + 1, left : right + 1] = True
        if not inside.any() or inside.all():
            raise NotBlankable
        return cls(inside, black, np.dtype(f"{order}u{bits // 8}"), is_planar=bool(header.get("PlanarConfiguration") or 0))

    def copy(self, body: BinaryIO, sink: _Sink, length: int) -> None:
        """Copy frames, one after the other, with all that is outside black.

        Raises:
            NotBlankable: They are not as long as the header says.
        """
        import numpy as np

        rows, columns = self.inside.shape
        frame_bytes = rows * columns * len(self.black) * self.kind.itemsize
        if not frame_bytes:
            raise NotBlankable
        for _ in range(length // frame_bytes):
            block = body.read(frame_bytes)
            if len(block) < frame_bytes:
                raise NotBlankable
            shape = (len(self.black), rows, columns) if self.is_planar else (rows, columns, len(self.black))
            frame = np.frombuffer(block, self.kind).reshape(shape).copy()
            for place, value in enumerate(self.black):
                (frame[place] if self.is_planar else frame[..., place])[~self.inside] = value
            sink.write(frame.tobytes())
        rest = length % frame_bytes
        body.read(rest)
        if rest > 1:
            raise NotBlankable
        sink.write(bytes(rest))
