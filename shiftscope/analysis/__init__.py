"""From a specification to a record: open, extract, measure, rank, diagnose, find, write."""
