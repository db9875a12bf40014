"""The layout of a snapshot: a folder that answers the same as long as it exists (DESIGN, section 7).

| path | what it holds |
|---|---|
| `manifest.json` | format, the snapshot's id, and size and SHA-256 of every other file |
| `table.json` | clock, version and lineage of the table, its views with their features, and which part of which split it is |
| `index.parquet` | the index rows as they were asked for |
| `views/VIEW/PART.npy` | arrays of a view's answer, by the names of its parts |
| `split.json` | the split that the rows are a part of, where they are one |
| `fitted/fitted.json`, `fitted/fitted.npz` | what was fitted and applied, where something was |

The manifest also tells of persons who were forgotten since (`plait forget`): when, how many, and the id that the snapshot had before.

The id is the SHA-256 over paths, sizes and hashes of all files but the manifest: the same table has the same id, wherever it lies.
"""

from __future__ import annotations

SNAPSHOT_FORMAT = 1
"""Number of this layout; a reader knows the ones up to its own."""

MANIFEST_FILE = "manifest.json"
TABLE_FILE = "table.json"
INDEX_FILE = "index.parquet"
SPLIT_FILE = "split.json"
VIEWS_FOLDER = "views"
FITTED_FOLDER = "fitted"

FORGOTTEN = "forgotten"
"""Key of the manifest that tells when persons were forgotten, how many, and which id the snapshot had until then (`was`)."""
