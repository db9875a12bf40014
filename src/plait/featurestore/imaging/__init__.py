"""Series of images: from their files to a volume in the patient's space, and to numbers."""
