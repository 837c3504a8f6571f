"""Where and when a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shiftscope.core.records import Provenance

__all__ = ["provenance"]

PACKAGES = ("shiftscope", "torch", "torchvision", "timm", "numpy", "numba", "scipy", "scikit-learn", "POT")


def provenance(*, device: str = "cpu", threads: int = 1) -> Provenance:
    """Describe this process: time, command line, versions of what computes, platform, device, git commit."""
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        # The program's name without its folder: a record should not carry one machine's paths further than it must.
        command=[Path(sys.argv[0]).name, *sys.argv[1:]],
        versions={"python": platform.python_version(), **_versions()},
        platform=platform.platform(),
        device=device,
        threads=threads,
        git=_git_commit(),
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git_commit() -> str:
    """Commit of the working directory, empty outside a repository or without git."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  # git is found on the user's own PATH
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
