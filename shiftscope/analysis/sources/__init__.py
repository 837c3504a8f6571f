"""Which source data help a target, which hurt it, and how much each should count."""
