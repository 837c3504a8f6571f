"""Gates are judged as they are outside GitHub, wherever these tests run."""

import pytest


@pytest.fixture(autouse=True)
def outside_github(monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
