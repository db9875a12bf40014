"""A token-classification model beside the rules: what it labels goes, dates that rules can shift are shifted, and a model of other labels is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plait.errors import ConfigError, EncoderError
from plait.export.deidentify.text.scrub import Scrubber
from plait.export.deidentify.text.tagging import Tagging, kinds, open_tagger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORDS = ["then", "quillon", "went", "home", "to", "zorbury", "on", "the", "2019", "03", "14", "-", "/", ".", "tuesday", "after", "pain", "in", "dictum"]
TRUTH = {"quillon": "B-PATIENT", "zorbury": "I-LOC", "tuesday": "DATE", "2019": "DATE", "03": "DATE", "14": "DATE", "pain": "DISEASE"}


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    """Ask no hub for anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that makes a tiny BERT, trained until it knows what each word is."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    def make(truth: dict[str, str]) -> Path:
        folder = tmp_path_factory.mktemp("models") / "tiny"
        vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
        BertTokenizerFast(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
        labels = ["O", *sorted(set(truth.values()))]
        torch.manual_seed(3)
        size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 64}
        names = {"id2label": dict(enumerate(labels)), "label2id": {label: n for n, label in enumerate(labels)}}
        network = BertForTokenClassification(BertConfig(vocab_size=len(vocabulary), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **names, **size))
        ids = torch.tensor([list(vocabulary.values())])
        wanted = torch.tensor([[labels.index(truth.get(word, "O")) for word in vocabulary]])
        learning = torch.optim.Adam(network.parameters(), 0.02)
        for _ in range(150):
            order = torch.randperm(ids.shape[1])
            loss = network(input_ids=ids[:, order], labels=wanted[:, order]).loss
            learning.zero_grad()
            loss.backward()
            learning.step()
        network.save_pretrained(folder)
        return folder

    return make


def test_what_a_model_labels_goes(make_model: Callable[..., Path], tmp_path: Path) -> None:
    scrubber = Scrubber(tagger=open_tagger(Tagging(tmp_path, str(make_model(TRUTH)))))
    done = scrubber.scrub("then quillon went home to zorbury on 2019-03-14 after pain in the tuesday.", -100)
    assert done.text == "then [name] went home to [place] on 2018-12-04 after pain in the [date]."
    assert done.found["name", "model"] == 1
    assert Scrubber().scrub("then quillon went home", -100).text == "then quillon went home"


def test_a_model_of_other_labels_is_refused(make_model: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="note_model: expected a model with labels"):
        open_tagger(Tagging(tmp_path, str(make_model({"pain": "DISEASE"}))))
    with pytest.raises(EncoderError, match="policy, note_model"):
        open_tagger(Tagging(tmp_path, "./no-such-folder"))


def test_labels_are_of_kinds_that_rules_have_too() -> None:
    assert set(kinds().values()) <= {"name", "place", "date", "phone", "email", "url", "ip", "ssn", "id", "address", "zip"}
