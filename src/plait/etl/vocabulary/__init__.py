"""The vocabulary: an Athena download into the study, and what a loaded release holds."""

from __future__ import annotations

from plait.etl.vocabulary.athena import known_release, load_vocabulary
from plait.etl.vocabulary.release import Release, VocabularyCount, choose_release, chosen_release, read_release, register

__all__ = ["Release", "VocabularyCount", "choose_release", "chosen_release", "known_release", "load_vocabulary", "read_release", "register"]
