"""Stands here so that pytest puts ``tests`` on the path: tests of every room share ``oracles``."""
