"""Measures of transfer: one question, one file."""
