"""plait: one patient's codes, notes, omics and images, braided into one trusted table."""

__version__ = "0.1.0"
