"""Measures of shift: one question, one file."""
