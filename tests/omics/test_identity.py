"""Who is who across sources: links join identifiers, the lower id stays, and what is claimed twice goes to nobody; who is forgotten is so under all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import pytest

import plait

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Sandbox

pytestmark = pytest.mark.long

RNA: dict[str, Any] = {"name": "rna", "kind": "anndata", "path": "rna.h5ad", "person_system": "cases", "person": "obs.case", "specimen": "obs.sample"}


def assay(sandbox: Sandbox, cases: dict[str, str], name: str = "rna") -> None:
    """Write an assay with an item for each specimen: whose case it is."""
    obs = pd.DataFrame({"case": list(cases.values()), "sample": list(cases)}, index=[f"item {sample}" for sample in cases])
    data = anndata.AnnData(np.ones((len(cases), 2), dtype=np.float32), obs=obs, var=pd.DataFrame(index=["AAA", "BBB"]))
    data.write_h5ad(sandbox.folder / f"{name}.h5ad")


def links(sandbox: Sandbox, *lines: str) -> None:
    (sandbox.folder / "links.csv").write_text("\n".join(["person,system,identifier", *lines, ""]), encoding="utf-8")


def occurrences(study: plait.Study) -> dict[str, int]:
    return dict(study.connect().execute("SELECT specimen_source_value, person_id FROM cdm.omics_occurrence").fetchall())


def test_links_lead_from_one_system_to_the_other(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    assay(sandbox, {"s1": "c1", "s2": "c2", "s3": "c3"})
    links(sandbox, "A,lab,p2", "A,cases,c1", "B,lab,p1", "B,cases,c2", "C,cases,c9")
    study = sandbox.settings(RNA, identity="links.csv")
    study.run_etl(threads=2)
    assert occurrences(study) == {"s1": 2, "s2": 1}
    assert sorted((row["file"], row["reason"]) for row in study.rejects() if row["shape"] != "specimen") == [
        ("items", "unknown_person"),
        ("links", "unknown_person"),
    ]
    assert (ledger(study)["links", "link"]["merged"], ledger(study)["links", "link"]["rejected"]) == (4, 1)
    traced = study.trace("person", 2)["records"]
    assert [(record["file"], record["role"]) for record in traced] == [("people", "loaded"), ("links", "merged"), ("links", "merged")]


def test_two_persons_who_are_one_keep_the_lower_id_and_get_their_own_back(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    assay(sandbox, {"s1": "p1", "s3": "p3"})
    links(sandbox)
    study = sandbox.settings(RNA | {"person_system": "lab"}, identity="links.csv")
    study.run_etl(threads=2)
    assert occurrences(study) == {"s1": 1, "s3": 3}
    apart = study.digest()["study"]

    links(sandbox, "X,lab,p3", "X,lab,p1")
    study.run_etl(threads=2)
    assert occurrences(study) == {"s1": 1, "s3": 1}
    assert study.connect().execute("SELECT person_id, person_source_value FROM cdm.person ORDER BY 1").fetchall() == [(1, "p1"), (2, "p2")]
    assert {key: ledger(study)["people", "person"][key] for key in ("read", "loaded", "merged")} == {"read": 3, "loaded": 2, "merged": 1}
    joined = study.digest()
    study.run_etl(threads=2, full=True)
    assert study.digest() == joined

    links(sandbox)
    study.run_etl(threads=2)
    assert occurrences(study) == {"s1": 1, "s3": 3}
    assert study.digest()["study"] == apart


def test_an_identifier_that_two_persons_claim_is_nobodys(sandbox: Sandbox) -> None:
    assay(sandbox, {"s1": "c1"})
    links(sandbox, "A,lab,p1", "A,cases,c1", "B,lab,p2", "B,cases,c1")
    study = sandbox.settings(RNA, identity="links.csv")
    study.run_etl(threads=2)
    assert occurrences(study) == {}
    contested = [row for row in study.rejects() if row["reason"] == "contested_identifier"]
    assert [row["record"] for row in contested] == [2, 4]
    assert "c1" in contested[0]["raw"]


def test_a_sample_that_two_persons_claim_is_nobodys_until_that_is_mended(sandbox: Sandbox, ledger: Callable[..., Any]) -> None:
    assay(sandbox, {"s1": "p1", "s2": "p2"})
    assay(sandbox, {"s1": "p1"}, "dna")
    dna = RNA | {"name": "dna", "path": "dna.h5ad", "person_system": "lab"}
    study = sandbox.settings(RNA | {"person_system": "lab"}, dna, shard_persons=2)
    study.run_etl(threads=2)
    assert occurrences(study) == {"s1": 1, "s2": 2}

    assay(sandbox, {"s1": "p3"}, "dna")  # of another shard
    study.run_etl(threads=2)
    assert occurrences(study) == {"s2": 2}
    assert sorted((row["source"], row["reason"]) for row in study.rejects()) == [("dna", "claimed_twice"), ("rna", "claimed_twice")]
    ledger(study)
    incremental = study.digest()
    study.run_etl(threads=2, full=True)
    assert study.digest() == incremental

    assay(sandbox, {"s1": "p1"}, "dna")
    study.run_etl(threads=2)
    assert occurrences(study) == {"s1": 1, "s2": 2}


def test_records_that_differ_are_noticed(sandbox: Sandbox) -> None:
    (sandbox.folder / "people" / "people.csv").write_text("id,born\np1,1970-01-01\np2,1971-01-01\n", encoding="utf-8")
    links(sandbox, "X,lab,p1", "X,lab,p2")
    study = sandbox.settings(identity="links.csv")
    study.run_etl(threads=2)
    assert [(row["kind"], row["records"]) for row in study.status()["notices"]] == [("persons_differ", 2)]


def test_all_identifiers_of_a_person_in_two_sources(sandbox: Sandbox) -> None:
    assay(sandbox, {"s1": "c1", "s2": "c2", "s3": "c3"})
    links(sandbox, "A,lab,p2", "A,cases,c1", "B,lab,p1", "B,cases,c2", "C,cases,c9")
    study = sandbox.settings(RNA, identity="links.csv")
    study.run_etl(threads=2)
    done = plait.open(study.path).forget("cases=c1")[0]
    assert done.is_proved
    assert {held.source for held in done.sources} >= {"rna", "identity"}
    after = plait.open(study.path)
    assert occurrences(after) == {"s2": 1}
    assert 2 not in after.table("person")["person_id"].to_list()
    with after.assay("rna.rna") as matrix:
        assert matrix.items == ["item s2"]
    digest = after.digest()
    assert not after.run_etl(threads=2).changed
    after.run_etl(threads=2, full=True)
    assert plait.open(study.path).digest() == digest


def test_a_new_identifier_that_links_give_them_is_forgotten_too(sandbox: Sandbox) -> None:
    assay(sandbox, {"s1": "c1"})
    links(sandbox, "A,lab,p2", "A,cases,c1", "B,lab,p1")
    study = sandbox.settings(RNA, identity="links.csv")
    study.run_etl(threads=2)
    assert plait.open(study.path).forget("lab=p2")[0].is_proved
    assay(sandbox, {"s1": "c1", "s5": "c5", "s6": "c6"})
    links(sandbox, "A,lab,p2", "A,cases,c1", "A,cases,c5", "B,lab,p1", "B,cases,c6")
    after = plait.open(study.path)
    after.run_etl(threads=2)
    assert occurrences(plait.open(study.path)) == {"s6": 1}
    assert ("items", "forgotten", 2) in {(row["file"], row["reason"], row["records"]) for row in after.status()["reasons"] if row["shape"] == "assay"}


def test_what_was_contested_stays_nobodys(sandbox: Sandbox) -> None:
    assay(sandbox, {"s1": "c1"})
    links(sandbox, "A,lab,p1", "A,cases,c1", "B,lab,p2", "B,cases,c1")
    study = sandbox.settings(RNA, identity="links.csv")
    study.run_etl(threads=2)
    assert plait.open(study.path).forget("lab=p1")[0].is_proved
    after = plait.open(study.path)
    digest = after.digest()
    after.run_etl(threads=2, full=True)
    assert occurrences(plait.open(study.path)) == {}
    assert plait.open(study.path).digest() == digest


def test_a_version_that_took_them_for_somebody_else_goes(sandbox: Sandbox) -> None:
    assay(sandbox, {"s1": "p1", "s3": "p3"})
    links(sandbox, "X,lab,p3", "X,lab,p1")
    study = sandbox.settings(RNA | {"person_system": "lab"}, identity="links.csv")
    study.run_etl(threads=2)
    links(sandbox)
    study.run_etl(threads=2)
    done = plait.open(study.path).forget("lab=p3")[0]
    assert done.is_proved, done.left
    assert done.removed_versions == [1]
    assert occurrences(plait.open(study.path)) == {"s1": 1}


def test_two_ids_of_one_person_go(sandbox: Sandbox) -> None:
    assay(sandbox, {"s1": "p1", "s3": "p3"})
    links(sandbox)
    study = sandbox.settings(RNA | {"person_system": "lab"}, identity="links.csv")
    study.run_etl(threads=2)
    links(sandbox, "X,lab,p3", "X,lab,p1")
    study.run_etl(threads=2)
    done = plait.open(study.path).forget(3)[0]
    assert done.is_proved, done.left
    assert [version.version for version in done.versions] == [1, 2]
    assert occurrences(plait.open(study.path)) == {} == occurrences(plait.open(study.path, version=1))
