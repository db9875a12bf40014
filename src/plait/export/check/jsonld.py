"""What JSON-LD holds, whether it stands there once or in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def objects(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - what JSON holds
    """Give the objects of a value."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def texts(value: Any) -> list[str]:  # noqa: ANN401 - what JSON holds
    """Give the texts of a value."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def as_text(value: Any) -> str:  # noqa: ANN401 - what JSON holds
    """Give a value as a text: the first of a list, the id of an object."""
    if isinstance(value, list):
        return as_text(value[0]) if value else ""
    return str(value.get("@id", "")) if isinstance(value, dict) else str(value)


def record_fields(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the RecordSets of a Croissant file, each with its fields after it."""
    for record_set in objects(content.get("recordSet")):
        yield record_set
        yield from objects(record_set.get("field"))
