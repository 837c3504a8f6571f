import pytest

from shiftscope.data.names import named_addresses, written_sources
from shiftscope.errors import InputError


def test_a_name_is_given_or_that_of_the_folder():
    assert named_addresses(["photo=imagefolder:a/b", "imagefolder:c/d"], "target") == {
        "photo": "imagefolder:a/b",
        "d": "imagefolder:c/d",
    }
    assert named_addresses({"x": "imagefolder:a"}, "target") == {"x": "imagefolder:a"}
    # The equals sign of a change is no name.
    assert list(named_addresses("perturb:blur=2:imagefolder:a", "target")) == ["a.blur2"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["imagefolder:a", "imagefolder:a"], "imagefolder:a is given twice as a source"),
        (["imagefolder:a", "a=imagefolder:b"], "Two sources are named 'a'"),
        (["photo="], "'photo=' has no address for the source 'photo'"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(given, says):
    with pytest.raises(InputError, match=says):
        named_addresses(given, "source")


def test_one_source_without_a_name_stays_one():
    assert written_sources("imagefolder:a") == {"source": "imagefolder:a"}
    assert written_sources(["x=imagefolder:a"]) == {"sources": {"x": "imagefolder:a"}}
    assert written_sources([]) == {}
