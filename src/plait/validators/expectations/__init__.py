"""Great Expectations: suites that assert what plait's checks counted, and those that users add, in one Checkpoint with Data Docs.

The package `great_expectations` is imported by what needs it alone: it takes seconds.
"""
