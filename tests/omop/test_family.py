"""A person of an adopted CDM who is forgotten: facts that join them with others go, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plait
from tiny_omop import CDM, Legacy

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = "56,12,56,-9223372036854775808,4248584\n"


def test_facts_of_a_family_go_with_one_of_it(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "study", {**CDM, "fact_relationship": CDM["fact_relationship"] + FAMILY}).write().run()
    before = plait.open(legacy.path)
    assert [row for row in before.rejects() if row["file"] == "fact_relationship"]
    system = before.connect().execute("SELECT system FROM read_parquet($file) LIMIT 1", {"file": str(legacy.path / before.version.crosswalk)}).fetchone()
    done = before.forget(f"{system[0]}=-9223372036854775808")[0]
    assert done.is_proved, done.left
    after = plait.open(legacy.path)
    assert after.table("person")["person_source_value"].to_list() == ["MRN-2"]
    assert not [row for row in after.rejects() if "-9223372036854775808" in str(row["raw"])]
    facts = after.table("fact_relationship")
    assert facts.height == 1
    digest = after.digest()
    after.run_etl(threads=2, full=True)
    assert plait.open(legacy.path).digest() == digest
