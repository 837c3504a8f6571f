"""Records in MLflow: names that it takes, and everything read back from a real local tracking store.

MLflow is loaded in processes of its own: it sets warnings and streams as it likes.
"""

import json
import os
import re
import subprocess
import sys

import pytest
from altered import DEMO, HOSTILE, demo, hostile, one_result

from shiftscope.core.records import RunRecord
from shiftscope.errors import MissingDependencyError
from shiftscope.export.mlflow import log_run, metrics_of

READ_BACK = """
import json, mlflow
client = mlflow.MlflowClient()
found = []
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        tags = {k: v for k, v in run.data.tags.items() if not k.startswith("mlflow.")}
        texts = {f: mlflow.artifacts.load_text(f"{run.info.artifact_uri}/shiftscope/{f}")
                 for f in ("run.json", "verdict.json")}
        found.append({"metrics": run.data.metrics, "tags": tags, "status": run.info.status, "texts": texts})
print("found:" + json.dumps(found))
"""

# Files need nothing but the client; a database needs SQLAlchemy, too, which the full package of MLflow brings.
STORES = ["file", "sqlite"]


# Names.


def test_metrics_are_the_estimates():
    found = metrics_of(demo())
    counted = [r for r in demo().results if r.estimate is not None]
    assert len(found) == len(counted)
    assert found["ridge/handwritten_digits/printed_digits"] == 0.8625
    assert found["proxy_a/handwritten_digits/printed_digits/shapes"] == 1.395
    assert "knn/handwritten_digits/printed_digits_random" in found


def test_every_name_is_one_that_mlflow_takes():
    record = RunRecord.model_validate(hostile())
    dots = [one_result(0.5, backbone=name).results[0] for name in ("..", ".", "a/../b", "", "/", "x" * 400)]
    results = [*record.results, *dots]
    found = metrics_of(record.model_copy(update={"results": results}))
    assert len(found) == sum(r.estimate is not None for r in results)
    for name in found:
        assert re.fullmatch(r"[\w.\- /]{1,250}", name)
        assert os.path.normpath(name) == name


def test_names_that_become_equal_are_numbered():
    same = [one_result(float(i), backbone=name).results[0] for i, name in enumerate(["a@b", "a#b", "a_b"])]
    found = metrics_of(demo().model_copy(update={"results": same}))
    assert found == {"m/t/a_b": 0.0, "m/t/a_b_2": 1.0, "m/t/a_b_3": 2.0}


def test_missing_mlflow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'shiftscope\[mlflow\]'"):
        log_run(demo())


# The store.


@pytest.fixture
def store(request, tmp_path):
    """Run Python in an environment whose tracking store lies in a folder of its own."""
    uri = {"file": f"file:{tmp_path / 'store'}", "sqlite": f"sqlite:///{tmp_path / 'store.db'}"}[request.param]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    environment.pop("GITHUB_STEP_SUMMARY", None)

    def run(*words, code=0, **more):
        done = subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=tmp_path,
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    return run


def read_back(store):
    return json.loads(store("-c", READ_BACK).stdout.partition("found:")[2])


@pytest.mark.parametrize("store", STORES, indirect=True)
def test_gate_logs_record_and_verdict(store):
    words = ("-m", "shiftscope", "gate", DEMO, "--profile", "strict", "--json", "--mlflow")
    verdict = store(*words, code=1).stdout
    (run,) = read_back(store)
    assert run["metrics"] == pytest.approx(metrics_of(demo()))
    assert run["tags"]["shiftscope.gate"] == "fail"
    assert run["status"] == "FINISHED"
    assert json.loads(run["texts"]["run.json"])["results"] == json.loads(DEMO.read_text())["results"]
    assert run["texts"]["verdict.json"] == verdict


@pytest.mark.parametrize("store", STORES[:1], indirect=True)
def test_hostile_names_are_logged(store, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(hostile()))
    store("-m", "shiftscope", "gate", tmp_path / "run.json", "--profile", "explore", "--mlflow")
    (run,) = read_back(store)
    assert HOSTILE[0] in run["texts"]["run.json"]


@pytest.mark.parametrize("store", STORES[:1], indirect=True)
def test_active_run_is_used(store):
    lines = [
        "import mlflow, shiftscope as ss",
        "from shiftscope.export.mlflow import log_run",
        f"record = ss.load({str(DEMO)!r})",
        "verdict = ss.gate(record, profile='explore')",
        "with mlflow.start_run() as run:",
        "    mlflow.log_metric('loss', 1.5)",
        "    assert log_run(record, verdict) == run.info.run_id",
    ]
    store("-c", "\n".join(lines))
    (run,) = read_back(store)
    assert run["metrics"]["loss"] == 1.5
    assert len(run["metrics"]) == 1 + len(metrics_of(demo()))


@pytest.mark.parametrize("store", STORES[:1], indirect=True)
def test_store_that_refuses_is_one_line(store):
    words = ("-m", "shiftscope", "gate", DEMO, "--profile", "explore", "--mlflow")
    done = store(*words, code=2, MLFLOW_TRACKING_URI="nowhere://x")
    assert "error: MLflow at nowhere://x refused: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Gate passed" in done.stdout
