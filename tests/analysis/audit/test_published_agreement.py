"""Printed weighted taus of two papers, from their published scores and accuracies; skipped where there are none."""

import csv

import pytest

from shiftscope.analysis.audit.agreement import weighted_tau, weighted_tau_by_accuracy

TLLIB, SPIDER = "tllib_readme", "model_spider(+tllib acc)"


@pytest.fixture(scope="module")
def published(shared_data):
    with (shared_data / "tables" / "published_scores.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def models(rows, source, dataset, measure):
    """Scores and accuracies of the ten models of one table."""
    wanted = (source, dataset, measure)
    chosen = [row for row in rows if (row["source"], row["dataset"], row["measure"]) == wanted]
    assert len(chosen) == 10
    return [float(row["score"]) for row in chosen], [float(row["finetune_acc"]) for row in chosen]


@pytest.mark.parametrize(
    ("dataset", "measure", "printed"),
    [("CIFAR10", "HScore", 0.800), ("CIFAR10", "LEEP", 0.638), ("CIFAR10", "NCE", 0.714)],
)
def test_values_of_tllib(published, dataset, measure, printed):
    assert round(weighted_tau(*models(published, TLLIB, dataset, measure)), 3) == printed


@pytest.mark.parametrize(
    ("dataset", "measure", "printed"),
    [
        ("Caltech101", "H-Score", 0.738),
        ("Caltech101", "NCE", 0.752),
        ("Caltech101", "LogME", 0.666),
        ("CIFAR10", "GBC", 0.758),
        ("CIFAR10", "NLEEP", 0.768),
        ("CIFAR10", "OTCE", 0.569),
    ],
)
def test_values_of_model_spider(published, dataset, measure, printed):
    assert round(weighted_tau_by_accuracy(*models(published, SPIDER, dataset, measure)), 3) == printed
