"""Text in files that people open with a spreadsheet: nothing of it is taken for a formula, and all of it comes back as it was."""

from __future__ import annotations

_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What makes a spreadsheet compute a cell (OWASP, "CSV Injection"), and the mark that keeps it from doing so."""


def guarded(text: str | None) -> str:
    """Give a cell that a spreadsheet shows as text: with an apostrophe before what would be a formula, and without line breaks."""
    cell = " ".join((text or "").splitlines()) if text and not text.isprintable() else text or ""
    return f"'{cell}" if cell.startswith(_STARTS) else cell


def unguarded(cell: str) -> str:
    """Give the text of a cell that `guarded` made."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_STARTS) else cell
