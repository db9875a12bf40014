"""Cohorts: which persons at which moments, and what is to be predicted of them (DESIGN, section 7)."""

from __future__ import annotations

from plait.featurestore.cohorts.build import build_cohort, find_cohort
from plait.featurestore.cohorts.cohort import Cohort, Label, Labels

__all__ = ["Cohort", "Label", "Labels", "build_cohort", "find_cohort"]
