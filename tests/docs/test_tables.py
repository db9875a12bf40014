"""The tables of docs/*.md tell of what the code has: staged shapes, keys of source.yaml, reserved columns, books, reasons."""

from __future__ import annotations

import inspect
import re
import runpy
from importlib.metadata import entry_points
from pathlib import Path
from typing import get_args

import pytest

import plait.etl
from plait.cohort_settings import IndexSettings, OutcomeSettings, RuleSettings
from plait.etl.judgement import RESERVED
from plait.etl.notes.entities import EntityOptions
from plait.etl.notes.rules import RulesOptions
from plait.etl.source_checks.rules import FileCheck
from plait.etl.sources.folder import FileRule, SourceRules, open_source
from plait.etl.sources.wsi import slide
from plait.etl.staging import OWN
from plait.featurestore import imputers as imputers_module
from plait.featurestore import recipes
from plait.featurestore.cohorts.outcomes import Missing
from plait.featurestore.consent import COLUMNS
from plait.featurestore.encoders.registry import EncoderOptions
from plait.featurestore.encoders.slices import SlicesOptions
from plait.featurestore.encoders.vision import VisionOptions
from plait.featurestore.imaging.chain import SeriesOptions
from plait.featurestore.imaging.firstorder import STATISTICS
from plait.featurestore.items import ItemOptions
from plait.featurestore.modalities.events import EventsOptions
from plait.featurestore.modalities.image import ImageOptions
from plait.featurestore.modalities.omics import OmicsOptions
from plait.featurestore.modalities.slide import SlideViewOptions
from plait.featurestore.slides.tiled import SlideOptions
from plait.featurestore.view import ENTRY_POINTS, ViewOptions
from plait.nlp_settings import ExtractorSettings, PromotionRule
from plait.schema import cdm_tables, plait_tables
from plait.settings import ObservationPeriodSettings, Settings, SourceSettings

DOCS = Path(__file__).parents[2] / "docs"
ETL = Path(inspect.getfile(plait.etl)).parent


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Give a page's text from one heading to the next of its level or above."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found[1]


def tables(text: str, column: int = 0) -> list[list[str]]:
    """Give one column of each table in a text, back-quotes left out."""
    found: list[list[str]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = [line.split("|")[column + 1].strip().strip("`") for line in block.splitlines()]
        found.append(cells[2:])
    return found


def test_shapes_are_described_as_they_are() -> None:
    with_shapes = runpy.run_path(str(DOCS / "shapes.py"))["with_shapes"]
    assert page("sources") == with_shapes(page("sources")), "run docs/shapes.py"
    assert re.findall(r"^### `(\w+)`", section(page("sources"), "## Staged shapes"), re.MULTILINE) == list(OWN)


def test_keys_of_a_source_are_all_described() -> None:
    text = page("sources")
    assert tables(section(text, "## In `plait.yaml`")) == [list(SourceSettings.model_fields)]
    assert tables(section(text, "## In `source.yaml`")) == [list(SourceRules.model_fields), list(FileRule.model_fields)]
    assert tables(section(text, "## In a SELECT")) == [list(RESERVED)]
    assert tables(section(text, "## Checks")) == [list(FileCheck.model_fields)]


def test_keys_of_the_settings_are_all_described() -> None:
    assert tables(section(page("etl"), "## `plait.yaml`")) == [list(Settings.model_fields)]


def test_rules_of_observation_periods_are_all_described() -> None:
    rules = get_args(ObservationPeriodSettings.model_fields["rule"].annotation)
    text = section(page("etl"), "## Derived tables")
    assert tables(text) == [list(rules)]
    assert tables(text, column=2)[0][1:] == [str(ObservationPeriodSettings(rule=rule).days) for rule in rules[1:]]


@pytest.mark.parametrize("name", sorted(plait_tables()))
def test_book_is_described_with_its_columns(name: str) -> None:
    assert tables(section(page("books"), f"#### `{name}`"))[0] == list(plait_tables()[name].columns)


def test_tables_of_the_omics_extension_are_described_with_their_columns() -> None:
    named = {name: table for name, table in cdm_tables().items() if name.startswith("omics_")}
    assert set(re.findall(r"^#### `(\w+)`", page("omics"), re.MULTILINE)) == named.keys()
    for name, table in named.items():
        assert tables(section(page("omics"), f"#### `{name}`"))[0] == list(table.columns)


def test_options_of_anndata_are_described() -> None:
    rules = open_source(SourceSettings(name="rna", kind="anndata", path=Path(), person_system="lab"), Path()).rules
    assert tables(section(page("omics"), "## AnnData"))[0] == list(rules.options)


def test_options_of_slides_are_described() -> None:
    rules = open_source(SourceSettings(name="slides", kind="wsi", path=Path(), person_system="lab"), Path()).rules
    assert tables(section(page("imaging"), "## Slides"))[0] == list(rules.options)


def test_keys_of_cohorts_are_all_described() -> None:
    text = page("cohorts")
    assert set(tables(section(text, "## Index events"))[0]) == set(IndexSettings.model_fields)
    assert tables(section(text, "## Rules"))[0] == list(RuleSettings.model_fields)
    keys, reasons = tables(section(text, "## Outcomes"))
    assert (keys, reasons) == (list(OutcomeSettings.model_fields), [str(reason) for reason in Missing])


@pytest.mark.parametrize(("heading", "options"), [("## Events", EventsOptions), ("## Omics", OmicsOptions)])
def test_options_of_views_are_described(heading: str, options: type[ViewOptions]) -> None:
    assert tables(section(page("views"), heading))[0] == [name for name in options.model_fields if name not in ViewOptions.model_fields]


def test_columns_and_modalities_of_consent_are_described() -> None:
    text = section(page("views"), "## Consent")
    assert tables(text)[0] == list(COLUMNS)
    named = re.search(r"^\| `modality` \|.*\((.+?)\)", text, re.MULTILINE)
    assert named is not None
    assert set(re.findall(r"`(\w+)`", named[1])) == {point.name for point in entry_points(group=ENTRY_POINTS)}


def test_options_of_views_of_images_are_described() -> None:
    text = page("features-images")
    base, of_models = set(ItemOptions.model_fields), set(EncoderOptions.model_fields) | set(VisionOptions.model_fields)
    view, of_series = tables(section(text, "## Series"))[:2]
    assert set(view) == set(ImageOptions.model_fields) - base | {"encoder"}
    assert set(of_series) == set(SeriesOptions.model_fields) - of_models
    [of_slices] = tables(section(text, "### Vision models"))
    assert set(of_slices) == set(SlicesOptions.model_fields) - set(SeriesOptions.model_fields) - of_models
    view, of_slides = tables(section(text, "## Slides"))
    assert set(view) == set(SlideViewOptions.model_fields) - base | {"encoder"}
    assert set(of_slides) == set(SlideOptions.model_fields) - of_models


def test_statistics_of_series_are_described_as_they_are() -> None:
    text = section(page("features-images"), "### First-order features")
    assert tables(text) == [[one.name for one in STATISTICS]]
    assert tables(text, 1) == [[one.unit for one in STATISTICS]]
    assert tables(text, 2) == [[one.meaning for one in STATISTICS]]


def test_steps_of_recipes_and_imputers_are_all_described() -> None:
    steps, imputers = tables(section(page("fusion"), "## Fitting"))
    kinds = [get_args(step.model_fields["kind"].annotation) for step in get_args(get_args(recipes.AnyStep)[0])]
    assert steps == [kind for (kind,) in kinds]
    named = [get_args(one.model_fields["kind"].annotation) for one in get_args(get_args(imputers_module.AnyImputer)[0])]
    assert [cell.replace("`", "") for cell in imputers] == [", ".join(kinds) for kinds in named]


def test_no_book_is_described_that_is_not_there() -> None:
    assert set(re.findall(r"^#### `(\w+)`", page("books"), re.MULTILINE)) == plait_tables().keys()


def given_by_selects(column: str) -> set[str]:
    """Give the reasons or rules that the built-in sources' SELECTs name in a column."""
    selects = [path.read_text(encoding="utf-8") for path in (ETL / "sources").glob("*/*.sql") if path.parent.name != "fhir"]  # which has a page of its own
    cases = [
        case
        for text in selects
        for case in re.findall(rf"CASE\s(?:(?!\bCASE\b).)*? END AS {column},?$", re.sub(r"\s+END", " END", text), re.MULTILINE | re.DOTALL)
    ]
    return {reason for case in cases for reason in re.findall(r"THEN '(\w+)'", case)}


def found_in(file: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ETL / file).read_text(encoding="utf-8"), re.MULTILINE))


def test_every_reason_to_reject_is_described() -> None:
    of_a_record = found_in("sources/raw.py", r"THEN '(\w+)'")
    of_a_value = found_in("judgement.py", r"'(\w+):") | found_in("judgement.py", r'"(invalid_\w+)"')
    of_a_person = found_in("harmonize/late_reject.sql", r"'(\w+)' AS reason")
    of_a_cdm = found_in("harmonize/adopted_unmet.sql", r"^    '(\w+)'$") | found_in("harmonize/adopted_rebuilt.sql", r"^    '(\w+)'$")
    assert len(of_a_cdm) == 2
    of_a_person |= of_a_cdm
    assert min(map(len, (of_a_record, of_a_value, of_a_person))) >= 2
    described = tables(section(page("books"), "### Rejected"))[0]
    of_a_file = found_in("sources/dicom/headers.py", r'(?:_faulty\(.*|return )"(\w+)"')
    assert len(of_a_file) > 10
    of_a_file |= found_in("sources/wsi/reader.py", r'nothing, "(\w+)"\)$') | set(get_args(slide.Reason))
    of_a_link = found_in("link_fates.sql", r"THEN '(\w+)'")
    of_a_resource = found_in("sources/fhir/queries/split.sql", r"'(invalid_json|no_resource)'") | found_in("sources/fhir/lines.py", r'"(invalid_encoding)"')
    of_a_resource |= found_in("sources/fhir/queries/document.sql", r"'(\w+)'\s+END AS text_fault") | found_in(
        "sources/fhir/attachments.py", r'return None, None, "(\w+)"'
    )
    assert len(of_a_resource) == 6
    of_a_file |= of_a_resource
    assert set(described) == of_a_record | of_a_value | of_a_person | of_a_file | of_a_link | given_by_selects("_reject")


def test_every_rule_to_ignore_is_described() -> None:
    of_a_file = found_in("bookkeeping.py", r'"(unused_file|look_up|no_select|not_in_manifest)"')
    assert len(of_a_file) == 4
    unread = {
        rule.unread
        for name in ("synthea", "omop", "cbioportal")
        for rule in open_source(SourceSettings(name="ehr", kind=name, path=Path(), person_system="mrn"), Path()).rules.files.values()
        if rule.unread
    }
    assert unread
    of_a_person = found_in("tombstones.py", r'^RULE = "(\w+)"')
    assert set(tables(section(page("books"), "### Ignored"))[0]) == of_a_file | of_a_person | unread | given_by_selects("_ignore")


def test_options_of_a_cdm_are_described() -> None:
    rules = open_source(SourceSettings(name="legacy", kind="omop", path=Path()), Path()).rules
    assert tables(section(page("omop"), "## Options")) == [list(rules.options)]


def test_every_rule_of_fhir_is_described() -> None:
    folder = ETL / "sources" / "fhir"
    said = set()
    for path in folder.glob("*.*.sql"):
        before, mark, _ = path.read_text(encoding="utf-8").partition(" AS _ignore")
        rule = before[max(before.rfind(",\n    coalesce("), before.rfind(",\n    CASE")) :]
        assert mark, path
        said |= set(re.findall(r"THEN '(\w+)'", rule))
        said |= {status for group in re.findall(r"IN \(([^)]*)\) THEN \w[.](?:status|verified)\b", rule) for status in re.findall(r"'(\w+)'", group)}
    reader = (folder / "reader.py").read_text(encoding="utf-8") + (folder / "macros.sql").read_text(encoding="utf-8")
    said |= set(re.findall(r"THEN '(superseded|entered_in_error|modifier_extension|replaced)'", reader))
    said |= found_in("sources/fhir/queries/document.sql", r"THEN '(not_text|no_text)'") | found_in("sources/fhir/attachments.py", r'return None, "(\w+)", None')
    cells = tables(section(page("fhir"), "## Rules by which records are left out"))[0]
    described = {name for cell in cells for name in re.findall(r"\w+", cell)}
    assert len(said) > 30
    assert said - {"unread_"} <= described


def test_options_of_fhir_are_described() -> None:
    rules = open_source(SourceSettings(name="ehr", kind="fhir", path=Path(), person_system="mrn"), Path()).rules
    assert tables(section(page("fhir"), "## Options")) == [list(rules.options)]


def test_every_type_of_resource_that_is_read_is_described() -> None:
    rules = open_source(SourceSettings(name="ehr", kind="fhir", path=Path(), person_system="mrn"), Path()).rules
    cells = tables(section(page("fhir"), "## What becomes of what"))[0]
    described = {name if not name.startswith("-") else f"Medication{name[1:]}" for cell in cells for name in re.findall(r"-?\w+", cell)}
    assert described == rules.files.keys() - {"other"}


def test_every_notice_is_described() -> None:
    of_files = found_in("books.py", r'"(no_records|unparsed_number|nul_bytes|not_kept)"')
    assert len(of_files) == 4
    of_rows, of_doses = found_in("harmonize/notices.sql", r"^    '(\w+)'"), found_in("derive/dose_notices.sql", r"'(\w+)' AS kind")
    of_genes = {
        f"{match}_gene" for match in re.findall(r"'(\w+)'", (ETL / "harmonize/feature_notices.sql").read_text(encoding="utf-8").split("gene_match IN")[1])
    }
    assert len(of_genes) == 3
    of_assays = found_in("harmonize/feature_notices.sql", r"'(\w+)' AS kind")
    assert len(of_assays) == 1
    of_images = {
        flag
        for path in (ETL / "sources").glob("*/*.image.sql")
        for flag in re.findall(r"THEN '(\w+)' END(?: AS flag|,|$)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    of_notes = found_in("notes/language_notices.sql", r"'(\w+)' AS kind")
    of_cdms = found_in("harmonize/adopt.py", r'"kind": "(\w+)"')
    of_cdms |= found_in("harmonize/remap.py", r'"(unknown_concept)"')
    assert len(of_cdms) == 3
    assert set(tables(section(page("books"), "### Notices"))[0]) == of_files | of_rows | of_doses | of_notes | of_genes | of_assays | of_images | of_cdms


def test_keys_of_extractors_and_of_promotion_are_all_described() -> None:
    text = page("notes")
    assert tables(section(text, "## Turn it on")) == [list(ExtractorSettings.model_fields)]
    assert tables(section(text, "## The extractor `rules`")) == [list(RulesOptions.model_fields)]
    described = {key for cell in tables(section(text, "## The extractor `transformers`"))[0] for key in cell.replace("`", "").split(", ")}
    assert described == set(EntityOptions.model_fields) - {"name"}
    assert tables(section(text, "## From findings to events")) == [list(PromotionRule.model_fields)]


def test_columns_of_note_nlp_are_all_described() -> None:
    described = [key for cell in tables(section(page("notes"), "## What a row says"))[0] for key in cell.replace("`", "").split(", ")]
    assert sorted([*described, "note_nlp_id", "nlp_datetime"]) == sorted(cdm_tables()["note_nlp"].columns)


def test_every_way_of_mapping_is_described() -> None:
    ways = found_in("vocabulary/study_map.sql", r"(?:THEN|ELSE|,) '([a-z_]{7,})'")
    assert len(ways) == 5
    assert set(tables(section(page("vocabulary"), "## How a code is mapped"))[0]) == ways
