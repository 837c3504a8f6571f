"""Several sources against several targets in one run: the numbers of single runs, decoded once, and one clear line."""

from types import SimpleNamespace

import pytest
from smallworld import feature_file, image_folder, numbers_of, record_of, shiftscope

from shiftscope.core.features import FeatureSet
from shiftscope.core.load import load_record
from shiftscope.report.markdown import render_markdown

# Of a row; the rest depends on how many tests the run has.
ADJUSTED = ("pvalue_holm", "detectable")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def more(tmp_path_factory):
    """Two targets more, the one like light, the other like dim."""
    root = tmp_path_factory.mktemp("more")
    return SimpleNamespace(
        noon=f"imagefolder:{image_folder(root / 'noon', n=8, seed=5)}",
        dusk=f"imagefolder:{image_folder(root / 'dusk', n=9, seed=6, dark=True)}",
    )


@pytest.fixture(scope="module")
def together(world, more, cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("together") / "out"
    # The room for thumbnails is shared out among the pairs of a run.
    words = ("--source", world.light, "--source", world.dim, more.noon, more.dusk, "-b", world.zoo, "--no-images")
    done = shiftscope("shift", *words, "-o", folder, "--cache", cache)
    assert done.code == 0, done.err
    return SimpleNamespace(folder=folder, printed=done.out)


def without_adjustment(diagnosis):
    rows = [{key: value for key, value in row.items() if key not in ADJUSTED} for row in diagnosis["rows"]]
    return diagnosis | {"rows": rows, "n_tests": None}


def test_every_number_is_that_of_four_single_runs(world, more, together, cache, tmp_path):
    whole = record_of(together.folder)
    found = {(d["source"], d["target"], d["backbone"]): d for d in whole["diagnoses"]}
    assert len(found) == 8
    for source in (world.light, world.dim):
        for target in (more.noon, more.dusk):
            shiftscope("shift", source, target, "-b", world.zoo, "-o", tmp_path, "--cache", cache, "--no-images")
            alone = record_of(tmp_path)
            for d in alone["diagnoses"]:
                mine = found[d["source"], d["target"], d["backbone"]]
                assert without_adjustment(mine) == without_adjustment(d)
                assert mine["n_tests"] == 4 * d["n_tests"]
            assert all(result in whole["results"] for result in alone["results"])
            assert alone["source_orders"] == []


def test_the_order_of_sources_and_targets_changes_no_number(world, more, together, cache, tmp_path):
    words = (more.dusk, "--source", world.dim, more.noon, "--source", world.light, "-b", world.zoo, "--no-images")
    shiftscope("shift", *words, "-o", tmp_path, "--cache", cache)
    ours, theirs = (numbers_of(folder) for folder in (tmp_path, together.folder))
    assert {key: ours[key] for key in ours if key != "given"} == {key: theirs[key] for key in theirs if key != "given"}


def test_each_data_set_is_decoded_and_embedded_once(together):
    costs = record_of(together.folder)["costs"]
    assert costs["n_decoded"] == 36 + 30 + 24 + 27
    assert costs["n_forward"] == 2 * costs["n_decoded"]


def test_what_belongs_to_one_source_is_made_once_for_all_targets(world, cache, tmp_path, monkeypatch):
    """The probe of a source, which label shift reads where targets have no labels, rests on one decomposition."""
    made, memo = [], FeatureSet.memo

    def counted(self, key, make):
        def noted():
            made.append((self.name, key))
            return make()

        return memo(self, key, noted)

    monkeypatch.setattr(FeatureSet, "memo", counted)
    words = ("--source", world.light, "--source", world.dim, f"one={world.flat}", f"two={world.flat}", "-b", world.ant)
    done = shiftscope("shift", *words, "-m", "label_shift", "-o", tmp_path, "--cache", cache)
    assert done.code == 0, done.err
    assert sorted(name for name, key in made if key == "spectrum" and name in ("light", "dim")) == ["dim", "light"]


def test_the_nearest_source_is_named_in_record_terminal_and_page(together):
    orders = {(o["target"], o["backbone"]): o for o in record_of(together.folder)["source_orders"]}
    assert sorted(orders) == [(t, b) for t in ("dusk", "noon") for b in ("ant", "bee")]
    for (target, _), order in orders.items():
        first, second = order["rows"]
        assert first["source"] == ("light" if target == "noon" else "dim")
        assert second["further_low"] > 0
    assert "The source nearest to dusk is dim; the source nearest to noon is light." in together.printed
    assert "Nearest does not mean best to learn from" in together.printed
    page = (together.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("Which source is nearest?") == 2  # the section and its line in the contents
    for target in ("dusk", "noon"):
        for source in ("dim", "light"):
            assert page.count(f"How far has {target} shifted from {source}, and how?") == 2


def test_findings_name_their_source(together):
    moved = [f for f in record_of(together.folder)["findings"] if f["code"] == "ST101"]
    assert {(f["evidence"]["source"], f["subject"]) for f in moved} == {("light", "dusk"), ("dim", "noon")}


def test_a_name_of_its_own(world, more, cache, tmp_path):
    words = ("--source", f"bright={world.light}", "--source", world.dim, f"midday={more.noon}", "-b", world.ant)
    done = shiftscope("shift", *words, "-m", "mmd", "-o", tmp_path, "--cache", cache)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    assert [(d["source"], d["target"]) for d in found["diagnoses"]] == [("bright", "midday"), ("dim", "midday")]
    assert found["given"]["sources"] == {"bright": world.light, "dim": world.dim}


def test_source_first_and_several_targets(world, more, cache, tmp_path):
    words = (world.light, more.noon, more.dusk, "-b", world.ant, "-m", "mmd")
    done = shiftscope("shift", *words, "-o", tmp_path, "--cache", cache)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    assert [(d["source"], d["target"]) for d in found["diagnoses"]] == [("light", "dusk"), ("light", "noon")]
    assert found["spec"]["source"] == world.light
    assert found["source_orders"] == []
    assert "dusk from" not in done.out


def test_a_table_of_the_toml(world, more, together, cache, tmp_path):
    file = tmp_path / "shift.toml"
    file.write_text(
        f'backbones = ["{world.zoo}"]\n[sources]\nlight = "{world.light}"\ndim = "{world.dim}"\n'
        f'[targets]\nnoon = "{more.noon}"\ndusk = "{more.dusk}"\n[measures.mmd]\nn_permutations = 99\n'
    )
    done = shiftscope("run", file, "-o", tmp_path / "out", "--cache", cache)
    assert done.code == 0, done.err
    found = record_of(tmp_path / "out")
    assert len(found["diagnoses"]) == 8
    assert found["source_orders"] == record_of(together.folder)["source_orders"]
    assert [r["target"] for r in found["rankings"]] == ["dusk", "noon"]


def test_rank_with_two_sources_ranks_as_without(world, more, cache, tmp_path):
    measures = [word for name in ("knn", "ridge", "otce", "mmd") for word in ("-m", name)]
    words = ("rank", more.noon, "-b", world.zoo, *measures, "--cache", cache)
    shiftscope(*words, "-o", tmp_path / "without")
    done = shiftscope(*words, "-o", tmp_path / "with", "--source", world.light, "--source", world.dim)
    assert done.code == 0, done.err
    without, beside = (record_of(tmp_path / name) for name in ("without", "with"))
    assert without["rankings"] == beside["rankings"]
    otce = [(r["backbone"], r["source"]) for r in beside["results"] if r["measure"] == "otce" and r["status"] == "ok"]
    assert sorted(otce) == [(b, s) for b in ("ant", "bee") for s in ("dim", "light")]
    told = render_markdown(load_record(tmp_path / "with"))
    assert "| OTCE from dim | OTCE from light |" in told
    (weighed,) = (r["says"] for r in beside["strategies"][0]["reasons"] if r["rule"] == "weigh-sources")
    assert weighed.startswith("Samples of dim, light may help or hurt")


def test_features_of_several_sources(tmp_path):
    files = {
        name: f"features:{feature_file(tmp_path / f'{name}.npz', seed=i, shift=shift)}"
        for i, (name, shift) in enumerate({"near": 0.5, "far": 3.0, "here": 0.0}.items())
    }
    words = ("--source", files["near"], "--source", files["far"], files["here"])
    done = shiftscope("shift", *words, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    (order,) = record_of(tmp_path / "out")["source_orders"]
    assert [row["source"] for row in order["rows"]] == ["near", "far"]
    assert "The source nearest to here is near." in done.out


def test_without_mmd_nothing_is_said_of_the_nearest(world, more, cache, tmp_path):
    words = ("--source", world.light, "--source", world.dim, more.noon, "-b", world.ant, "-m", "frechet")
    done = shiftscope("shift", *words, "-o", tmp_path, "--cache", cache)
    assert done.code == 0, done.err
    assert record_of(tmp_path)["source_orders"] == []
    assert "nearest to" not in done.out


def test_a_target_among_the_sources(world, cache, tmp_path):
    words = ("--source", world.light, "--source", world.dim, world.light, "-b", world.ant, "-m", "mmd")
    done = shiftscope("shift", *words, "-o", tmp_path, "--cache", cache)
    assert done.code == 0, done.err
    found = record_of(tmp_path)
    assert sorted(found["inputs"]) == ["dim", "light", "light (source)"]
    assert [f["code"] for f in found["findings"] if f["severity"] == "error"] == ["DQ304"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{light}",), "light has nothing to be compared with: give SOURCE and TARGET."),
        (("--source", "{light}"), "Missing argument '[SOURCE] TARGET...'"),
        (("--source", "{light}", "--source", "{light}", "{dim}"), "light is given twice as a source: name it once."),
        (
            ("--source", "{light}", "--source", "light={dim}", "{flat}"),
            "Two sources are named 'light'",
        ),
        (("--source", "{light}", "--source", "again={light}", "{dim}"), "Sources 'again' and 'light' are both"),
        (("{light}", "{dim}", "{dim}"), "dim is given twice as a target: name it once."),
    ],
)
def test_words_that_name_no_two_things(world, words, said):
    known = vars(world)
    done = shiftscope("shift", *(word.format(**known) for word in words), "-b", world.ant)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_both_ways_of_the_toml_at_once(tmp_path):
    file = tmp_path / "shift.toml"
    file.write_text('source = "imagefolder:a"\n[sources]\nb = "imagefolder:b"\n')
    done = shiftscope("run", file)
    assert done.code == 2
    assert "source and sources are both given: put the one source among the others, with a name." in done.err


def test_no_rank_by_a_measure_that_says_something_else_of_every_source(world, more):
    words = ("rank", more.noon, "-b", world.zoo, "--source", world.light, "--source", world.dim, "-m", "otce")
    done = shiftscope(*words)
    assert done.code == 2
    assert "otce would rank candidates by one source, and 2 are given: name one, or select logme" in done.err


def test_too_few_permutations_are_told_once_for_all_pairs(world, more, cache, tmp_path):
    words = ("--source", world.light, "--source", world.dim, more.noon, more.dusk, "-b", world.ant, "-m", "mmd")
    shiftscope("shift", *words, "--set", "mmd.n_permutations=59", "-o", tmp_path, "--cache", cache)
    (finding,) = [f for f in record_of(tmp_path)["findings"] if f["code"] == "PW403"]
    assert finding["evidence"] == {"n_permutations": 59, "n_tests": 4}
    assert "at least 79" in finding["message"]
