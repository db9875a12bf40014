"""DICOM files without what identifies: PS3.15 Annex E, its Basic Profile with the options of modified dates, clean descriptors and clean content."""
