"""Erasure: what a study holds of a person is taken out of all of its versions and of what was made of them, and that is proved."""
