"""A record and its verdict in MLflow: metrics to compare runs by, and both files beside them."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

from shiftscope.core.load import dump_record
from shiftscope.core.records import RunRecord
from shiftscope.core.verdict import Verdict, dump_verdict
from shiftscope.errors import InputError, MissingDependencyError

__all__ = ["log_run", "metrics_of"]

FOLDER = "shiftscope"  # of the files among the run's artifacts
AT_ONCE = 500  # metrics; servers refuse more than a thousand in one request
LONGEST_PART = 60  # characters of one name within a metric's, which may have 250
NOT_IN_NAMES = re.compile(r"[^\w.\- ]")


def log_run(record: RunRecord, verdict: Verdict | None = None) -> str:
    """Log the numbers of a record, the record and its verdict; returns the id of the MLflow run.

    Goes into the active MLflow run, else into the one named by ``MLFLOW_RUN_ID``, else into a new one. Where the
    server is comes from ``MLFLOW_TRACKING_URI``, as for every MLflow client.

    Raises
    ------
    MissingDependencyError
        If MLflow is not installed.
    InputError
        If the tracking store cannot be reached or refuses what is logged.
    """
    try:
        import mlflow
    except ImportError:
        raise MissingDependencyError("mlflow", "mlflow") from None
    try:
        return _log(mlflow, record, verdict)
    except mlflow.exceptions.MlflowException as reason:
        first = str(reason).splitlines()[0]
        raise InputError(f"MLflow at {mlflow.get_tracking_uri()} refused: {first}") from None


def metrics_of(record: RunRecord) -> dict[str, float]:
    """The estimates of a record under names that MLflow takes: ``measure/target[/source]/backbone``.

    Signs that MLflow refuses become underscores; where that makes two names equal, later ones are numbered.
    """
    found: dict[str, float] = {}
    for result in record.results:
        if result.estimate is not None:
            places = (result.measure, result.target, result.source, result.backbone)
            found[_free("/".join(_plain(name) for name in places if name is not None), found)] = result.estimate.value
    return found


def _log(mlflow: Any, record: RunRecord, verdict: Verdict | None) -> str:
    active = mlflow.active_run()
    with mlflow.start_run() if active is None else nullcontext(active) as run:
        metrics = list(metrics_of(record).items())
        for start in range(0, len(metrics), AT_ONCE):
            mlflow.log_metrics(dict(metrics[start : start + AT_ONCE]))
        mlflow.set_tags({"shiftscope.kind": record.kind, "shiftscope.created": record.provenance.created})
        mlflow.log_text(dump_record(record), f"{FOLDER}/run.json")
        if verdict is not None:
            mlflow.set_tags({"shiftscope.gate": verdict.outcome, "shiftscope.policy": verdict.policy_from})
            mlflow.log_text(dump_verdict(verdict), f"{FOLDER}/verdict.json")
        return str(run.info.run_id)


def _plain(name: str) -> str:
    """One part of a metric's name; a part of dots alone would lead out of its folder."""
    plain = NOT_IN_NAMES.sub("_", name)[:LONGEST_PART]
    return plain if plain.strip(". ") else "_"


def _free(name: str, taken: dict[str, float]) -> str:
    if name not in taken:
        return name
    n = 2
    while f"{name}_{n}" in taken:
        n += 1
    return f"{name}_{n}"
