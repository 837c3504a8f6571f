"""Path data read back as points."""

import re


def runs(path):
    """The points of every run of a path, one list each."""
    found = []
    for command, numbers in re.findall(r"([MLHVlhv])([-\d. ]+)", path):
        if command == "M":
            found.append([])
        x, y = found[-1][-1] if found[-1] else (0.0, 0.0)
        first, *second = map(float, re.findall(r"-?[\d.]+", numbers))
        to = {"H": (first, y), "V": (x, first), "h": (x + first, y), "v": (x, y + first)}.get(command)
        if to is None:
            to = (x + first, y + second[0]) if command == "l" else (first, second[0])
        found[-1].append((round(to[0], 1), round(to[1], 1)))
    return found


def points(path):
    """All points of a path."""
    return [point for run in runs(path) for point in run]
