"""Disclosure control: small cells and their complements, figures of checks, k-anonymity, and a last look at what figures give away."""

from plait.export.disclosure.cells import suppressed

__all__ = ["suppressed"]
