"""From NOTE to NOTE_NLP: extractors read what stands in a note, and findings become events only where `plait.yaml` says so.

An extractor is a function of a text and of what it was made with: its rules, the vocabulary, its weights. It knows no person, so that a
text is read once, whoever it is about; what its findings are of whom is a matter of joins.
"""
