"""`plait export check`: what is FAIR of plait's own packages and of others', and what is broken is seen."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import plait
from plait.demo import write_demo
from plait.errors import ExportError
from plait.export.check.run import TESTS, Checked, check_package, principles
from plait.export.package import write_hashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shell import Result

POLICY = """
policy:
  min_cell: 1
  license: CC-BY-4.0
  duo: [DUO:0000042, DUO:0000021]
  creators: ["The example hospital <https://ror.org/03f0f6041>"]
  contact: data@example.org
  url: https://doi.org/10.5555/example
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a package with rows."""
    folder = tmp_path_factory.mktemp("checked") / "study"
    write_demo(folder, persons=20, with_faults=False)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write(POLICY)
    plait.open(folder).run_etl()
    plait.open(folder).export_fair(folder.with_name("package"), row_level=True)
    return folder.with_name("package")


@pytest.fixture
def broken(package: Path, tmp_path: Path) -> Path:
    """Give a copy that is to be broken."""
    shutil.copytree(package, tmp_path / "package")
    return tmp_path / "package"


def failed(done: Checked) -> dict[str, list[str]]:
    """Give what fails, by principle."""
    found: dict[str, list[str]] = {}
    for one in done.tests:
        if one.result == "fail":
            found.setdefault(one.principle, []).append(one.why)
    return found


def test_every_principle_has_a_test() -> None:
    assert list(principles()) == ["F1", "F2", "F3", "F4", "A1", "A1.1", "A1.2", "A2", "I1", "I2", "I3", "R1", "R1.1", "R1.2", "R1.3"]
    assert {test.principle for test in TESTS} == {*principles()}


def test_a_package_of_plait_is_fair(package: Path, command: Callable[..., Result]) -> None:
    done = check_package(package)
    assert done.is_fair, failed(done)
    assert not failed(done)
    untested = {one.principle for one in done.tests if one.result == "not tested here"}
    assert untested == {"F4", "A1", "A1.1", "A1.2"}, "what only the web can tell is not passed"
    shown = command("export", "check", package)
    assert shown.code == 0, shown.err
    assert "not tested here: 4." in shown.out


def test_zipped_it_is_the_same(package: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    shutil.make_archive(str(tmp_path / "out"), "zip", package)
    zipped = command("export", "check", tmp_path / "out.zip", "--json")
    assert zipped.code == 0, zipped.out
    told = json.loads(zipped.out)
    assert [(one["principle"], one["result"], one["why"]) for one in told["tests"]] == [
        (one.principle, one.result, one.why) for one in check_package(package).tests
    ]


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON file."""
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.chmod(0o600)
    file.write_text(json.dumps(content), encoding="utf-8")


def test_a_bit_that_flips_is_seen(broken: Path, command: Callable[..., Result]) -> None:
    table = broken / "cdm/person.parquet"
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)
    assert "cdm/person.parquet has changed" in failed(check_package(broken))["R1.2"]
    assert command("export", "check", broken, "-q").code == 1
    (broken / "added.txt").write_text("?", encoding="utf-8")
    table.unlink()
    done = failed(check_package(broken))
    assert done["R1.2"] == ["cdm/person.parquet is gone; added.txt has been added"]
    assert "croissant.json names cdm/person.parquet, which is not there" in done["F3"][0]


def test_metadata_that_do_not_agree_are_seen(broken: Path) -> None:
    edit(broken / "croissant.json", lambda content: content.update(license="MIT", url="https://example.org/other"))
    edit(broken / "datapackage.json", lambda content: content["resources"][0]["schema"]["fields"].pop())
    write_hashes(broken)
    done = failed(check_package(broken))
    assert "they differ: croissant.json says https://example.org/other" in done["F1"][0]
    assert "they differ: croissant.json says MIT, ro-crate-metadata.json says CC-BY-4.0" in done["R1.1"][0]
    assert "datapackage.json differs in cdm/person.parquet" in done["R1"][0]


def test_concepts_that_nobody_can_look_up_are_seen(broken: Path) -> None:
    concepts = pl.read_parquet(broken / "cdm/concept.parquet")
    concepts.filter(pl.col("concept_id") != 8532).write_parquet(broken / "cdm/concept.parquet")
    write_hashes(broken)
    assert "1 concepts of person.gender_concept_id are not told" in failed(check_package(broken))["I2"][0]


def test_a_licence_that_is_none_is_seen(broken: Path) -> None:
    for name in ("croissant.json", "ro-crate-metadata.json", "datapackage.json", "CITATION.cff"):
        file = broken / name
        file.write_text(file.read_text(encoding="utf-8").replace("CC-BY-4.0", "Free-As-Air"), encoding="utf-8")
    write_hashes(broken)
    done = check_package(broken)
    assert failed(done)["R1.1"] == ["'Free-As-Air' is none of SPDX"]
    assert "ro-crate-metadata.json has another hash of CITATION.cff" in failed(done)["F3"][0]


def test_what_cannot_be_read_is_seen(broken: Path) -> None:
    (broken / "croissant.json").write_text("{", encoding="utf-8")
    (broken / "cdm/death.parquet").write_text("no table", encoding="utf-8")
    write_hashes(broken)
    done = failed(check_package(broken))
    assert any("croissant.json cannot be read" in why for why in done["I1"])
    assert any("cdm/death.parquet cannot be read" in why for why in done["I1"])


def test_packages_of_others(tmp_path: Path, package: Path) -> None:
    """A bare folder, and one with a Frictionless file alone."""
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "data.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    done = check_package(bare)
    assert not done.is_fair
    assert {"F1", "F2", "F3", "I1", "R1.1", "R1.2"} <= {*failed(done)}
    resource = {"name": "data", "path": "data.csv", "schema": {"fields": [{"name": "a"}, {"name": "b"}]}}
    described = {"id": "doi:10.5555/1", "title": "T", "description": "D", "licenses": [{"name": "CC0-1.0"}], "contributors": [{"title": "x"}]}
    (bare / "datapackage.json").write_text(json.dumps(described | {"created": "2026-01-01", "keywords": ["k"], "resources": [resource]}), encoding="utf-8")
    done = check_package(bare)
    assert {*failed(done)} == {"F4", "R1", "R1.2"}, failed(done)
    assert {one.asks: one.result for one in done.tests}["croissant.json is valid"] == "not applicable"
    with pytest.raises(ExportError, match="expected a package"):
        check_package(package / "README.md")
