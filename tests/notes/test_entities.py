"""The extractor `transformers`: a tiny model drawn at random, against transformers' own pipeline."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from plait.errors import ConfigError, EncoderError
from plait.etl.notes.entities import EntityExtractor, open_extractor
from plait.etl.notes.extractor import Asked
from plait.etl.notes.tagger import _windows
from plait.nlp_settings import ExtractorSettings
from tiny_study import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tiny_study import Tiny

WORDS = [
    "the",
    "patient",
    "has",
    "no",
    "sepsis",
    "chest",
    "pain",
    "high",
    "blood",
    "pressure",
    "and",
    "was",
    "seen",
    "for",
    ",",
    ".",
    "-",
    "sep",
    "##sis",
    "##s",
]
LABELS = ["O", "B-DISEASE", "I-DISEASE", "B-DRUG", "I-DRUG"]
TEXTS = [
    "The patient has sepsis.",
    "No chest pain , high blood-pressure and sepsis.",
    "  Chest pains\n\nwas seen  for the sepsis ",
    "unheard of: sepsis",
    "",
    " \n",
]
ROOM = 24


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    """Ask no hub for anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a tiny BERT for token classification that was drawn at random."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny-ner"
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    BertTokenizerFast(vocab=vocabulary, model_max_length=ROOM).save_pretrained(folder)
    torch.manual_seed(11)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64}
    names = dict(enumerate(LABELS))
    network = BertForTokenClassification(BertConfig(vocab_size=len(vocabulary), id2label=names, label2id={name: n for n, name in names.items()}, **size))
    with torch.no_grad():
        network.classifier.weight.mul_(30)  # so that it is of more than one opinion
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def opened(model: Path, vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., EntityExtractor]:
    """Give a function that opens the extractor with options."""
    study = tmp_path_factory.mktemp("study")

    def opened(**options: Any) -> EntityExtractor:  # noqa: ANN401 - whatever plait.yaml could say
        declared = ExtractorSettings.model_validate({"kind": "transformers", "model": str(model), **options})
        return open_extractor(Asked(study, vocabulary, study / "dictionaries", declared))

    return opened


def pipeline(model: Path, text: str) -> list[tuple[int, int, str, float]]:
    """Give what transformers' own pipeline makes of a text that fits into one window."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer, TokenClassificationPipeline

    reads = TokenClassificationPipeline(
        model=AutoModelForTokenClassification.from_pretrained(model).eval(), tokenizer=AutoTokenizer.from_pretrained(model), aggregation_strategy="average"
    )
    return [(one["start"], one["end"], one["entity_group"], float(one["score"])) for one in reads(text)]


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip()])
def test_entities_are_those_of_transformers_own_pipeline(text: str, model: Path, opened: Callable[..., EntityExtractor]) -> None:
    found = opened().entities(text)
    expected = pipeline(model, text)
    assert [(one.start, one.end, one.label) for one in found] == [one[:3] for one in expected]
    assert [one.score for one in found] == pytest.approx([one[3] for one in expected], abs=1e-5)


def test_the_tiny_model_is_of_more_than_one_opinion(opened: Callable[..., EntityExtractor]) -> None:
    assert {one.label for text in TEXTS for one in opened().entities(text)} == {"DISEASE", "DRUG"}


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_long_texts_go_through_in_windows_whatever_the_batches(batch_size: int, opened: Callable[..., EntityExtractor]) -> None:
    text = " ".join(WORDS[:17] * 30) + " sepsis"
    reader = opened(max_length=16, overlap=4, batch_size=batch_size)
    found = reader.entities(text)
    assert [(one.start, one.end) for one in found] == sorted((one.start, one.end) for one in found)
    assert all(text[one.start : one.end].strip() == text[one.start : one.end] != "" for one in found)
    assert max(one.end for one in found) > len(text) // 2
    one = opened(max_length=16, overlap=4).entities(text)
    assert [span[:3] for span in found] == [span[:3] for span in one]


@pytest.mark.parametrize(("count", "room", "overlap"), [(1, 8, 2), (8, 8, 4), (9, 8, 4), (100, 8, 3), (101, 8, 0), (7, 3, 9)])
def test_every_token_is_spoken_for_once_by_a_window_that_has_it(count: int, room: int, overlap: int) -> None:
    windows = _windows(count, room, overlap)
    assert [token for _, _, low, high in windows for token in range(low, high)] == list(range(count))
    assert all(start <= low <= high <= end <= count and end - start <= room for start, end, low, high in windows)


def test_a_finding_has_the_concept_whose_name_it_is_and_what_is_said_of_it(opened: Callable[..., EntityExtractor], monkeypatch: pytest.MonkeyPatch) -> None:
    from plait.etl.notes.entities import Entity

    text = "No sepsis. Chest pain. The patient."
    spans = [Entity(3, 9, "DISEASE", 0.9), Entity(11, 21, "DRUG", 0.8), Entity(23, 34, "DISEASE", 0.7), Entity(3, 9, "DRUG", 0.2)]
    reader = opened(labels={"DISEASE": "Condition", "DRUG": "Drug"})
    monkeypatch.setattr(reader, "entities", lambda _: spans)
    (found,) = reader.extract([text])
    assert [(one.concept_id, one.domain, one.exists, one.term_modifiers) for one in found] == [
        (132797, "Condition", False, "negation=true,label=DISEASE,score=0.90"),
        (0, "Drug", True, "label=DRUG,score=0.80"),  # chest pain is no drug
        (0, "Condition", True, "label=DISEASE,score=0.70"),  # no name of the vocabulary
    ]
    bare = opened(context=False)
    monkeypatch.setattr(bare, "entities", lambda _: spans[:1])
    assert [one.exists for one in bare.extract([text])[0]] == [True]


def test_it_reads_the_notes_of_a_study(model: Path, fresh: Tiny) -> None:
    folder = fresh.path / "data" / "notes"
    folder.mkdir()
    (folder / "notes.csv").write_text("person,datetime,text\nMRN-4711,2020-05-01,No chest pain and sepsis.\nMRN-4712,2020-05-01,The patient was seen.\n")
    source = "  - {name: letters, kind: notes, path: data/notes, person_system: synthea}\n"
    fresh.settings(SETTINGS + source + f"nlp:\n  extractors:\n    - {{kind: rules}}\n    - {{kind: transformers, name: ner, model: {model}, min_score: 0}}\n")
    study = fresh.run()
    rows = study.connect().execute(
        'SELECT bool_and(substring(n.note_text, CAST(f."offset" AS INTEGER) + 1, length(f.lexical_variant)) = f.lexical_variant), count(*) > 0 '
        "FROM cdm.note_nlp AS f INNER JOIN cdm.note AS n ON f.note_id = n.note_id WHERE f.nlp_system LIKE 'plait ner 1: tiny-ner sha256:%'"
    )
    assert rows.fetchall() == [(True, True)]
    assert not study.run_etl().changed


def test_its_system_names_model_and_weights(model: Path, opened: Callable[..., EntityExtractor]) -> None:
    import hashlib

    digest = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    assert opened().system == f"plait transformers 1: tiny-ner sha256:{digest}"
    assert opened(name="ner").system.startswith("plait ner 1: ")


def test_its_id_changes_with_what_changes_its_findings(opened: Callable[..., EntityExtractor]) -> None:
    ids = [opened(**options).extractor_id for options in ({}, {"min_score": 0.7}, {"overlap": 3}, {"context": False}, {"labels": {"DRUG": "Drug"}})]
    assert len(set(ids)) == len(ids)
    assert opened(batch_size=2, device="cpu").extractor_id == ids[0]


def test_pickled_weights_are_not_read(model: Path, opened: Callable[..., EntityExtractor], tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="pickled"):
        _ = opened(model=str(tmp_path / "pickled")).extractor_id


def test_a_model_without_a_head_for_tokens_is_refused(model: Path, opened: Callable[..., EntityExtractor], tmp_path: Path) -> None:
    from transformers import BertModel

    shutil.copytree(model, tmp_path / "headless")
    BertModel.from_pretrained(model).save_pretrained(tmp_path / "headless")
    with pytest.raises(EncoderError, match="weights that fill the model"):
        opened(model=str(tmp_path / "headless")).extract(["sepsis"])


def test_code_of_a_model_is_not_run(model: Path, opened: Callable[..., EntityExtractor], tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "own")
    config = json.loads((tmp_path / "own" / "config.json").read_text(encoding="utf-8"))
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForTokenClassification": "own.Model"}}
    (tmp_path / "own" / "config.json").write_text(json.dumps(config | own), encoding="utf-8")
    (tmp_path / "own" / "own.py").write_text("raise SystemExit('run')\n", encoding="utf-8")
    with pytest.raises(EncoderError):
        opened(model=str(tmp_path / "own")).extract(["sepsis"])


def test_no_such_model(opened: Callable[..., EntityExtractor]) -> None:
    with pytest.raises(EncoderError, match="nlp, extractor 'transformers'"):
        opened(model="./nowhere")


@pytest.mark.parametrize(
    ("options", "words"), [({"modle": "x"}, "Did you mean 'model'"), ({"overlap": 40, "max_length": 16}, "more than half"), ({"min_score": 2}, "min_score")]
)
def test_options_that_do_not_fit(options: dict[str, Any], words: str, opened: Callable[..., EntityExtractor]) -> None:
    with pytest.raises(ConfigError, match=words):
        opened(**options)
