"""Covariates as OHDSI's FeatureExtraction defines them, by its clock or by what was known at the prediction time."""

from plait.featurestore.covariates.analyses import PACKAGE, Analysis, Windows, read_analyses
from plait.featurestore.covariates.engine import Clock, covariates
from plait.featurestore.covariates.result import Covariates

__all__ = ["PACKAGE", "Analysis", "Clock", "Covariates", "Windows", "covariates", "read_analyses"]
