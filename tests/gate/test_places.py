"""Where a policy is looked for, and which of several holds."""

import pytest
from altered import demo

from shiftscope.errors import InputError
from shiftscope.gate.places import find_policy

TABLE = "[tool.shiftscope.gate]\nmin_samples = 2\n"


def with_own(gate):
    return demo().model_copy(update={"spec": demo().spec | {"gate": gate}})


@pytest.fixture
def project(tmp_path):
    """A project with a policy, and a folder deep within it."""
    (tmp_path / "pyproject.toml").write_text(TABLE)
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def test_file_comes_first(project):
    file = project / "gate.toml"
    file.write_text("min_samples = 1")
    found = find_policy(file, with_own({"min_samples": 3}), folder=project)
    assert (found.policy.min_samples, found.place) == (1, str(file))


def test_project_comes_before_the_record(project):
    found = find_policy(None, with_own({"min_samples": 3}), folder=project / "a" / "b")
    assert found.policy.min_samples == 2
    assert found.place == f"{project / 'pyproject.toml'}: tool.shiftscope.gate"


def test_nearest_project_with_a_table_counts(project):
    (project / "a" / "pyproject.toml").write_text("[tool.other]\n")
    assert find_policy(None, demo(), folder=project / "a").policy.min_samples == 2
    (project / "a" / "pyproject.toml").write_text("[tool.shiftscope.gate]\nmin_samples = 5\n")
    assert find_policy(None, demo(), folder=project / "a" / "b").policy.min_samples == 5


def test_working_directory_is_where_the_search_begins(project, monkeypatch):
    monkeypatch.chdir(project / "a")
    assert find_policy(None, demo()).policy.min_samples == 2


def test_record_holds_its_own_policy(tmp_path):
    found = find_policy(None, with_own({"min_samples": 3}), folder=tmp_path)
    assert (found.policy.min_samples, found.place) == (3, "the record: spec.gate")


def test_profile_alone_is_a_policy(tmp_path):
    found = find_policy(None, demo(), profile="strict", folder=tmp_path)
    assert (found.policy.profile, found.place) == ("strict", "profile strict")


def test_profile_of_the_caller_holds_for_a_file_too(project):
    assert find_policy(None, demo(), profile="explore", folder=project).policy.filled.inconclusive == "warn"


def test_without_any_policy_there_is_no_verdict(tmp_path):
    with pytest.raises(InputError, match=r"There is no policy: give one with --policy"):
        find_policy(None, demo(), folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("pyproject.toml", TABLE, "pyproject.toml: tool.shiftscope.gate"),
        ("shift.toml", 'seed = 7\n[targets]\na = "imagefolder:a"\n[gate]\nmin_samples = 2\n', "shift.toml: gate"),
        ("policy.toml", "min_samples = 2", "policy.toml"),
    ],
)
def test_policy_stands_in_files_of_three_kinds(tmp_path, name, text, place):
    (tmp_path / name).write_text(text)
    found = find_policy(tmp_path / name, demo())
    assert (found.policy.min_samples, found.place) == (2, str(tmp_path / place))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pyproject.toml", "[tool.ruff]\n", r"pyproject\.toml has no table \[tool\.shiftscope\.gate\]"),
        ("pyproject.toml", "[tool.shiftscope.gate]\nmin_sample = 2\n", r"tool\.shiftscope\.gate: There is no option"),
        ("shift.toml", "[gate]\nmin_sample = 2\n", r"shift\.toml: gate: There is no option named 'min_sample'"),
        ("gate.toml", "min_samples =", r"gate\.toml is not valid TOML"),
    ],
)
def test_place_of_what_is_wrong_is_named(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        find_policy(tmp_path / name, demo())


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.toml cannot be read \(No such file"):
        find_policy(tmp_path / "no.toml", demo())


def test_record_whose_policy_was_altered_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"the record: spec\.gate: min_samples: 'few' cannot be used"):
        find_policy(None, with_own({"min_samples": "few"}), folder=tmp_path)
