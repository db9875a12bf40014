"""Molecular data: gene names, gene panels, and the matrices of assays, tied to specimens and persons."""
