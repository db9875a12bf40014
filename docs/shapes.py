"""Write the staged shapes into docs/sources.md, below the heading "Staged shapes", as `plait.etl.staging` describes them.

Run it where plait is installed, after a change of a shape: `.venv/bin/python docs/shapes.py`.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from plait.etl.adopted import ADOPTS
from plait.etl.shape import Column, Reading, Shape
from plait.etl.staging import OWN

ADOPTED_AS = {shape: table for table, shape in ADOPTS.items()}
PAGE = Path(__file__).parent / "sources.md"
HEADING = "\n## Staged shapes\n"


def kind(column: Column) -> str:
    """Give how a column's text is read."""
    return "reading" if isinstance(column, Reading) else column.kind


def as_markdown(shape: type[Shape]) -> str:
    """Give a shape as a heading, what it is, and a table of its columns."""
    about = [inspect.cleandoc(shape.__doc__ or "")]
    if shape.key:
        others = "one is kept and the others are merged" if shape.same_key == "merge" else "one is kept"
        about.append(f"Its key is `{shape.key}`: of several records of one key {others}.")
    if not shape.of_person:
        about.append("It is of no person.")
    if shape.adopts:
        about.append(f"A row of a CDM brings the fields of {ADOPTED_AS[shape.name].upper()} as well, as they are.")
    own = {name: column for name, column in shape.columns.items() if shape.adopts.get(name) is not column}
    rows = [f"| `{name}` | {kind(column)} | {'yes' if column.required else ''} | {column.meaning} |\n" for name, column in own.items()]
    return f"### `{shape.name}`\n\n{' '.join(about)}\n\n| column | kind | needed | meaning |\n|---|---|---|---|\n{''.join(rows)}"


def with_shapes(page: str) -> str:
    """Give the page with all shapes as they are now; what stands before the first of them stays."""
    before, _, after = page.partition(HEADING)
    introduction = after.partition("\n### ")[0].rstrip("\n")
    return "\n".join([f"{before}{HEADING}{introduction}\n", *map(as_markdown, OWN.values())])


if __name__ == "__main__":
    PAGE.write_text(with_shapes(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
