"""Path data read back as points."""

import re


def runs(path):
    """The points of every run of a path, one list each."""
    found = []
    for command, first, second in re.findall(r"([MLHVh])(-?[\d.]+)(?: (-?[\d.]+))?", path):
        if command == "M":
            found.append([])
        x, y = found[-1][-1] if found[-1] else (0.0, 0.0)
        to = {"H": (first, y), "V": (x, first), "h": (x + float(first), y)}.get(command, (first, second))
        found[-1].append((float(to[0]), float(to[1])))
    return found


def points(path):
    """All points of a path."""
    return [point for run in runs(path) for point in run]
