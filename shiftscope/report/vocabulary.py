"""What a reader calls the measures; one that is not listed here goes by its own name and three digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from shiftscope.core.text import shown
from shiftscope.report.numerals import MINUS, NBSP, interval, percent, points, signed, significant

__all__ = ["MeasureWords", "means", "words_for"]


@dataclass(frozen=True)
class MeasureWords:
    """A measure's name in a sentence, above a column and along an axis, and the form of its numbers."""

    name: str
    head: str
    axis: str
    share: bool = False

    @property
    def form(self) -> Callable[[float], str]:
        """Numbers of this measure: percentages for shares, else three significant digits."""
        return percent if self.share else significant

    def value(self, number: float) -> str:
        """A number with its unit, for a sentence."""
        return f"{percent(number)}{NBSP}%" if self.share else significant(number)

    def difference(self, number: float) -> str:
        """A signed difference of two numbers of this measure."""
        return points(number) if self.share else signed(number, 3)

    def gap(self, number: float) -> str:
        """The size of a difference with its unit, for a sentence."""
        return f"{percent(abs(number))}{NBSP}points" if self.share else significant(abs(number))

    def change(self, number: float) -> str:
        """A signed difference with its unit, for a sentence."""
        return f"{points(number)}{NBSP}points" if self.share else signed(number, 3)

    def ends(self, low: float | None, high: float | None) -> str:
        """An interval in brackets, or nothing where there is none."""
        return "" if low is None or high is None else interval(low, high, self.form)

    @property
    def unit(self) -> str:
        """What stands after a comma in a column head."""
        return ", %" if self.share else ""


# No line breaks inside a name.
HYPHEN = "\N{NON-BREAKING HYPHEN}"
KNN = f"k{HYPHEN}NN"
WORDS = {
    "ridge": MeasureWords("ridge accuracy", "Accuracy", "held-out accuracy", share=True),
    "knn": MeasureWords(f"{KNN} accuracy", KNN, f"held-out {KNN} accuracy", share=True),
    "logme": MeasureWords("LogME gain", "LogME gain", "LogME gain over the null"),
    "hscore": MeasureWords(f"adjusted H{HYPHEN}score", f"H{HYPHEN}score", f"adjusted H{HYPHEN}score"),
    "lda": MeasureWords("LDA accuracy", "LDA", "held-out LDA accuracy", share=True),
    "logistic": MeasureWords("logistic accuracy", "Logistic", "held-out logistic accuracy", share=True),
    "gbc": MeasureWords("class overlap (GBC)", "GBC", "overlap of classes (GBC), from 0 down to chance at -1"),
    "parc": MeasureWords("PARC", "PARC", "rank correlation of distances (PARC)"),
    "cka": MeasureWords("CKA with the labels", "CKA", "unbiased CKA of features and labels"),
    "nce": MeasureWords("NCE", "NCE", "NCE, corrected for chance, nats"),
    "leep": MeasureWords("LEEP", "LEEP", "held-out LEEP, nats"),
    "nleep": MeasureWords(f"N{HYPHEN}LEEP", f"N{HYPHEN}LEEP", f"held-out N{HYPHEN}LEEP, nats"),
    "transrate": MeasureWords("TransRate gain", "TransRate", "TransRate gain over permuted labels, nats"),
    "rankme": MeasureWords("effective rank", "RankMe", "effective rank (RankMe)"),
    "sfda": MeasureWords("SFDA (in-sample)", "SFDA", "SFDA, in-sample"),
    "ncti": MeasureWords("NCTI", "NCTI", "NCTI, unpooled"),
    "pactran": MeasureWords("PACTran", "PACTran", f"PACTran{HYPHEN}Gauss, nats"),
    "otce": MeasureWords("OTCE", "OTCE", "OTCE"),
    "mmd": MeasureWords("MMD²", "MMD²", "MMD²"),
    "proxy_a": MeasureWords(f"proxy A{HYPHEN}distance", f"Proxy A{HYPHEN}distance", f"proxy A{HYPHEN}distance"),
    "wasserstein": MeasureWords("Wasserstein distance", "Wasserstein", "Wasserstein distance"),
    "frechet": MeasureWords("Fréchet distance", "Fréchet", "Fréchet distance"),
    "energy": MeasureWords("energy distance", "Energy", "energy distance, unbiased"),
    "sliced": MeasureWords("sliced Wasserstein distance", "Sliced W.", "sliced Wasserstein distance"),
    "bures": MeasureWords("Bures distance", "Bures", f"Bures{HYPHEN}Wasserstein distance of covariances"),
    "kid": MeasureWords("KID", "KID", "KID, unbiased"),
    "coverage": MeasureWords(
        "coverage of the target", "Coverage", "target samples with a source sample nearby", share=True
    ),
    "ks": MeasureWords("largest KS statistic", "KS", "largest KS of features and directions"),
    "c2st": MeasureWords("AUC of source against target", "C2ST AUC", "held-out AUC of source against target"),
    "alignability": MeasureWords(
        "share a linear map removes", "Alignable", "share of the shift that a linear map removes", share=True
    ),
    "label_shift": MeasureWords(
        "class balance (total variation)", "Class balance", "total variation of class shares", share=True
    ),
    "concept": MeasureWords("change of the relation", "Relation", "rise of the error on shared inputs", share=True),
    "conditional": MeasureWords("shift within classes", "Within classes", "MMD² within classes, mean over classes"),
    "joint_error": MeasureWords("joint error", "Joint error", "error on source and on target of one probe"),
    "otdd": MeasureWords("OTDD", "OTDD", "transport distance with labels, squared median distances"),
    "bn_shift": MeasureWords(
        f"batch{HYPHEN}norm shift", "BN shift", "distance from the running statistics, squared SDs per channel"
    ),
}
# The probes predict what the target is made of: labels are judged by AUC, real values by R².
OF_KIND = {
    ("ridge", "multilabel"): MeasureWords("ridge AUC", "AUC", "held-out mean AUC"),
    ("ridge", "real"): MeasureWords("ridge R²", "R²", "held-out R²"),
    ("knn", "multilabel"): MeasureWords(f"{KNN} AUC", f"{KNN} AUC", f"held-out mean {KNN} AUC"),
    ("knn", "real"): MeasureWords(f"{KNN} R²", f"{KNN} R²", f"held-out {KNN} R²"),
}
# What scores of a backbone mean; of all of them more is better, as their cards say.
MEANS = {
    "ridge": "how well a linear head predicts held-out samples",
    "knn": "how often neighbours have the same label, held out",
    "logme": "evidence that the features give for a linear explanation of the labels, 0 at chance",
    "hscore": "how far apart the features put the classes, 0 at chance",
    "lda": "accuracy of a linear discriminant, held out",
    "logistic": "accuracy of a logistic regression, held out",
    "gbc": f"how little the classes overlap, {MINUS}1 at chance and 0 at best",
    "parc": "whether features hold apart what labels hold apart, 0 at chance and 1 at best",
    "cka": "whether what is alike in its features is alike in its labels, 0 at chance and 1 at best",
    "nce": "how much the answer of the source head says of the label, in nats, 0 at best",
    "leep": "how well the probabilities of the source head predict the label, in nats, 0 at best",
    "nleep": "how well clusters of the features predict the label, in nats, 0 at best",
    "transrate": "nats that knowing the class saves when the features are coded, 0 at chance",
    "rankme": "over how many directions the features are spread, whatever the labels",
    "sfda": "how surely a discriminant recovers the labels it was fitted to, 1 at best",
    "ncti": "how near the features are to classes collapsed to points, 2 at best",
    "pactran": "how well a linear head fits the labels, less what tuning it takes, in nats, 0 at best",
    "otce": "whether labels of matched source samples predict the label, 0 at best",
}


def means(measure: str) -> str:
    """What a score of a backbone means, after its head and a colon; nothing for what is not listed here."""
    known, _, _ = measure.partition(" from ")
    return MEANS.get(known, "")


def words_for(measure: str, kind: str = "class") -> MeasureWords:
    """The words of a measure by its registered name, on a target of this kind; "otce from photo" names a source."""
    known, _, source = measure.partition(" from ")
    name = shown(known)
    words = OF_KIND.get((known, kind)) or WORDS.get(known) or MeasureWords(name, name, name)
    if not source:
        return words
    end = f" from {shown(source)}"
    return replace(words, name=words.name + end, head=words.head + end, axis=words.axis + end)
