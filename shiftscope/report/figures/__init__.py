"""The pictures of a report: each drawn for the width it is read at, from numbers that also stand in its table."""
