"""What a policy may say, and how it says what is wrong with it."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from shiftscope.checks import CODES
from shiftscope.errors import InputError, UnknownNameError
from shiftscope.gate.policy import PROFILES, parse_policy

ROOT = Path(__file__).parents[2]


def parsed(text, **options):
    return parse_policy(tomllib.loads(text), at="gate.toml", **options)


def test_profile_stands_in_for_what_is_left_out():
    policy = parsed('fail_on = ["NT201"]\nmin_samples = 7')
    assert policy.in_force == {
        "schema": 1,
        "profile": "default",
        "inconclusive": "fail",
        "candidates": "first",
        "fail_on": ["NT201"],
        "warn_on": PROFILES["default"].warn_on,
        "ignore": [],
        "limits": [],
        "min_samples": 7,
    }


def test_named_profile_gives_way_to_the_one_of_the_caller():
    assert parsed('profile = "strict"').in_force["fail_on"] == PROFILES["strict"].fail_on
    explored = parsed('profile = "strict"\ninconclusive = "pass"', profile="explore")
    assert (explored.profile, explored.filled) == ("explore", PROFILES["explore"]._replace(inconclusive="pass"))


def test_codes_of_profiles_stand_for_codes_there_are():
    for profile in PROFILES.values():
        for code in (*profile.fail_on, *profile.warn_on):
            assert any(name.startswith(code) for name in CODES)


@pytest.mark.parametrize("written", ["2027-06-30", '"2027-06-30"'])
def test_day_is_written_as_toml_or_json_write_it(written):
    policy = parsed(f'ignore = [{{ code = "ST101", reason = "known", until = {written} }}]')
    assert policy.ignore[0].until == date(2027, 6, 30)
    assert parse_policy(policy.in_force, at="again") == policy.model_copy(update=policy.filled._asdict())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit = []", "gate.toml: There is no option named 'limit'. Did you mean 'limits'?"),
        ('limits = [{ measure = "m", maxx = 1 }]', "limits.0: There is no option named 'maxx'. Did you mean 'max'"),
        ('limits = [{ measure = "m", max = true }]', "limits.0: max: True cannot be used"),
        ('limits = [{ measure = "m", max = "1.2" }]', "limits.0: max: '1.2' cannot be used"),
        ('limits = [{ measure = "m", max = nan }]', "limits.0: max: nan cannot be used"),
        ('limits = [{ measure = "m", min = -inf }]', "limits.0: min: -inf cannot be used"),
        ('limits = [{ measure = "m", max_increase = -1.0 }]', "limits.0: max_increase: -1.0 cannot be used"),
        ('limits = [{ measure = "m" }]', "limits.0: a limit needs min, max, max_increase or max_decrease"),
        ("limits = [{ max = 1 }]", "limits.0: a limit names either a measure or a forecast"),
        ('limits = [{ measure = "m", forecast = "full", max = 1 }]', "names either a measure or a forecast"),
        (
            'limits = [{ measure = "m", max = 1 }, { measure = "m", min = 2, max = 1 }]',
            "limits.1: min 2 is above max",
        ),
        ('limits = [{ measure = "m", max = 1, backbone = "b", candidates = "first" }]', "backbones or candidates"),
        ('limits = [{ forecast = "half", max = 1 }]', "limits.0: forecast: 'half' cannot be used"),
        ('limits = [{ forecast = "full", on = "effect", max = 1 }]', "limits.0: a forecast has no effect"),
        ('limits = [{ measure = "m", on = "pvalue", max_increase = 1 }]', "an increase of pvalue has no noise"),
        ('limits = [{ measure = "m", max = 1, backbone = [] }]', "limits.0: backbone: [] cannot be used"),
        ('limits = ["m"]', "limits.0: 'm' cannot be used"),
        ('limits = { measure = "m", max = 1 }', "limits: {'measure': 'm', 'max': 1} cannot be used"),
        ('fail_on = ["NT3"]', "gate.toml: 'NT3' is no finding code"),
        ('fail_on = ["NT299"]', "'NT299' is no finding code: give one of 'shiftscope ls checks'"),
        ('warn_on = ["nt2"]', "'nt2' is no finding code"),
        ('ignore = [{ code = "", reason = "x", until = 2027-01-01 }]', "'' is no finding code"),
        ('fail_on = "NT2"', "fail_on: 'NT2' cannot be used"),
        ('ignore = [{ code = "NT2", reason = "x" }]', "ignore.0: until is missing"),
        ('ignore = [{ code = "NT2", until = 2027-01-01 }]', "ignore.0: reason is missing"),
        ('ignore = [{ code = "NT2", reason = "", until = 2027-01-01 }]', "ignore.0: reason: '' cannot be used"),
        ('ignore = [{ code = "NT2", reason = "x", until = "soon" }]', "ignore.0: until: 'soon' cannot be used"),
        ("min_samples = 0", "min_samples: 0 cannot be used"),
        ("min_per_class = 2.5", "min_per_class: 2.5 cannot be used"),
        ('inconclusive = "skip"', "inconclusive: 'skip' cannot be used"),
        ('profile = "strickt"', "gate.toml: There is no profile named 'strickt'. Did you mean 'strict'?"),
        ("profile = 3", "profile: 3 cannot be used"),
        ("schema = 2", "schema: 2 cannot be used"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text, said):
    with pytest.raises(InputError) as caught:
        parsed(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("gate.toml: ")
    assert "\n" not in str(caught.value)


def test_profile_of_the_caller_is_checked_too():
    with pytest.raises(UnknownNameError, match="no profile named 'lax'"):
        parsed("", profile="lax")


def test_policy_of_the_page_can_be_used():
    page = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    policy = parsed(text)
    assert [limit.what for limit in policy.limits] == ["proxy_a", "mmd", "the probability that fine-tuning hurts"]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \| (.+) \| (.+) \|$", page, flags=re.MULTILINE)
    for name, unclear, candidates, *codes in rows:
        assert PROFILES[name] == (unclear, candidates, *(re.findall(r"`(\w+)`", told) for told in codes))
    assert {name for name, *_ in rows} == set(PROFILES)


def test_every_key_stands_on_the_page():
    page = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    schema = parsed("").model_json_schema(by_alias=True)
    keys = {*schema["properties"], *(key for part in schema["$defs"].values() for key in part["properties"])}
    assert {key for key in keys if not re.search(rf"(`{key}`|^{key} = |^\[\[{key}]])", page, re.MULTILINE)} == set()
