"""Every agreement figure against numbers in print: papers, handbooks, what other statistics programs print.

A reader who doubts a figure looks here first: each case names where its data and its number stand.
"""

import numpy as np
import pytest
from scipy.special import stdtrit

from labeler.stats.alpha import krippendorff_alpha, many_raters, patterns_from_counts
from labeler.stats.kappa import confusion_table, kappa_from_table
from labeler.stats.ordered import gwet_ac1, ordered_alpha
from labeler.stats.weighted import weighted_kappa

# ---------------------------------------------------------------- two people, one table

# Gwet (2014), Handbook of Inter-Rater Reliability, 100 pregnant women in an emergency room, three diagnoses; figures as
# the R package irrCAC (the author's) prints them in its overview.
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
# Sim and Wright (2005), The kappa statistic in reliability studies, table 1: two clinicians, 39 patients.
SIM_WRIGHT = [[22, 2], [4, 11]]
# Gwet (2002), Kappa statistic is not satisfactory: 125 subjects, nearly all positive.
DOMINATED = [[118, 5], [2, 0]]
# Artstein and Poesio (2008), Inter-coder agreement for computational linguistics, table 1.
ARTSTEIN_POESIO = [[20, 20], [10, 50]]
# Agresti (1990), Categorical data analysis: how much fun couples have, four ordered answers, 91 couples (SexualFun).
COUPLES = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
# The example of two raters and three ordered answers in the manual of SAS (PROC FREQ), 19 subjects.
SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
# Byrt, Bishop and Carlin (1993), Bias, prevalence and kappa; Feinstein and Cicchetti (1990), High agreement, low kappa.
FEINSTEIN = {"2": [[80, 10], [5, 5]], "3": [[45, 15], [25, 15]], "4": [[25, 35], [5, 35]], "1": [[40, 9], [6, 45]]}


@pytest.mark.parametrize(
    ("table", "kappa", "digits"),
    [
        (ABSTRACTORS, 0.7964094, 7),
        (SIM_WRIGHT, 0.67, 2),
        (DOMINATED, -0.0234, 4),
        (ARTSTEIN_POESIO, 0.348, 3),
        (COUPLES, 0.1293, 4),
        (SAS, 0.4842, 4),
        (FEINSTEIN["1"], 0.70, 2),
        (FEINSTEIN["2"], 0.32, 2),
        (FEINSTEIN["3"], 0.13, 2),
        (FEINSTEIN["4"], 0.26, 2),
    ],
    ids=["gwet 2014", "sim wright 2005", "gwet 2002", "artstein poesio 2008", "agresti 1990", "sas", "feinstein 1",
         "feinstein 2", "feinstein 3", "feinstein 4"],
)  # fmt: skip
def test_cohens_kappa(table, kappa, digits):
    assert round(kappa_from_table(table).value, digits) == kappa


@pytest.mark.parametrize(
    ("table", "error"), [(COUPLES, 0.0686), (SAS, 0.1380)], ids=["agresti 1990 (R package vcd)", "sas"]
)
def test_its_large_sample_error(table, error):
    assert round(kappa_from_table(table).standard_error, 4) == error


@pytest.mark.parametrize(
    ("table", "kind", "kappa", "error"),
    [
        (COUPLES, "linear", 0.2374, 0.07832),
        (SAS, "linear", 0.4701, 0.1457),
    ],
    ids=["agresti 1990 (R package vcd)", "sas"],
)
def test_weighted_kappa_and_its_error(table, kind, kappa, error):
    found = weighted_kappa(table, kind)
    assert found.kappa.value == pytest.approx(kappa, abs=5e-5)
    assert found.standard_error == pytest.approx(error, abs=5e-5)


# The anxiety of 20 people on a scale from 1 to 6, raters 2 and 3 (R package irr); kappa2 takes the classes that occur.
ANXIETY_2_3 = (
    [3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4],
    [2, 1, 4, 4, 3, 2, 1, 6, 1, 1, 1, 2, 3, 3, 1, 1, 3, 3, 2, 2],
)


@pytest.mark.parametrize(("kind", "kappa"), [("none", -0.006289308), ("linear", 0.1459075), ("quadratic", 0.2520325)])
def test_kappa_of_the_anxiety_data_as_the_r_package_irr_prints_it(kind, kappa):
    seen = sorted(set(ANXIETY_2_3[0]) | set(ANXIETY_2_3[1]))
    a, b = ([seen.index(x) for x in rater] for rater in ANXIETY_2_3)
    assert weighted_kappa(confusion_table(a, b, len(seen)), kind).kappa.value == pytest.approx(kappa, abs=5e-8)


# Two coders, three classes: the example of scikit-learn's own tests, after Artstein and Poesio (2008).
@pytest.mark.parametrize(("kind", "kappa"), [("none", 0.9315), ("linear", 0.9412), ("quadratic", 0.9541)])
def test_kappa_of_two_coders_whose_middle_class_shifts(kind, kappa):
    a, b = [0] * 46 + [1] * 44 + [2] * 10, [0] * 50 + [1] * 40 + [2] * 10
    assert weighted_kappa(confusion_table(a, b, 3), kind).kappa.value == pytest.approx(kappa, abs=5e-5)


@pytest.mark.parametrize(
    ("table", "pabak", "digits"),
    [(SIM_WRIGHT, 0.69, 2), (ABSTRACTORS, 0.835, 3), (FEINSTEIN["2"], 0.70, 2)],
    ids=["sim wright 2005", "gwet 2014 (Brennan-Prediger)", "byrt 1993"],
)
def test_pabak(table, pabak, digits):
    assert round(kappa_from_table(table).pabak, digits) == pabak


@pytest.mark.parametrize(
    ("table", "ac1", "digits"),
    [(ABSTRACTORS, 0.8493305, 7), (DOMINATED, 0.9408, 4), (FEINSTEIN["2"], 0.81, 2)],
    ids=["gwet 2014", "gwet 2002", "feinstein 2 (Gwet 2008)"],
)
def test_ac1_of_two_people(table, ac1, digits):
    assert round(kappa_from_table(table).ac1, digits) == ac1


# ---------------------------------------------------------------- many people

# Psychiatric patients by diagnosis, six psychiatrists each: 15 of those in Fleiss (1971), as the R package irrCAC has
# them (distrib.6raters).
FIFTEEN = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0],
    [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0],
    [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
]  # fmt: skip
# Krippendorff (2011), example C, which irrCAC has too (cac.raw4raters): 4 people, 12 images, gaps. Votes per image.
GAPS = [
    [3, 0, 0, 0, 0], [0, 3, 1, 0, 0], [0, 0, 4, 0, 0], [0, 0, 4, 0, 0], [0, 4, 0, 0, 0], [1, 1, 1, 1, 0],
    [0, 0, 0, 4, 0], [3, 1, 0, 0, 0], [0, 4, 0, 0, 0], [0, 0, 0, 0, 3], [2, 0, 0, 0, 0], [0, 0, 1, 0, 0],
]  # fmt: skip
# Ten subjects, fourteen raters, five classes: the worked example of Wikipedia's article on Fleiss' kappa.
FOURTEEN = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


@pytest.mark.parametrize(
    ("votes", "kappa", "digits"), [(FIFTEEN, 0.4139265, 7), (FOURTEEN, 0.210, 3)], ids=["irrCAC", "fourteen raters"]
)
def test_fleiss_kappa(votes, kappa, digits):
    assert round(many_raters(patterns_from_counts(votes)).fleiss.value, digits) == kappa


@pytest.mark.parametrize(
    ("votes", "alpha", "digits"),
    [(FIFTEEN, 0.4204384, 7), (GAPS, 0.74342, 5)],
    ids=["irrCAC, six people", "Krippendorff 2011 C, by irrCAC"],
)
def test_krippendorffs_alpha(votes, alpha, digits):
    assert round(krippendorff_alpha(votes).value, digits) == alpha


@pytest.mark.parametrize(("metric", "alpha"), [("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_ordered_classes(metric, alpha):
    # Krippendorff (2011), example C, the same data on other scales
    assert round(ordered_alpha(np.array(GAPS), metric).value, 3) == alpha


@pytest.mark.parametrize(
    ("votes", "ac1", "error"),
    [(FIFTEEN, 0.4448007, 0.08418757), (GAPS, 0.77544, 0.14295)],
    ids=["irrCAC, six people", "irrCAC, four people with gaps"],
)
def test_ac1_of_many_people_with_its_error(votes, ac1, error):
    found = gwet_ac1(np.array(votes))
    assert found.value == pytest.approx(ac1, abs=5e-6)
    # Our interval lies on Fisher's z scale, where the error is error / (1 - AC1^2), and has t with n - 1 degrees.
    half = (np.arctanh(found.high) - np.arctanh(found.low)) / 2
    assert half * (1 - found.value**2) / stdtrit(len(votes) - 1, 0.975) == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize(("votes", "observed"), [(FIFTEEN, 0.5511111), (GAPS, 0.8181818)], ids=["six", "four"])
def test_observed_agreement_as_irrcac_prints_it(votes, observed):
    assert many_raters(patterns_from_counts(votes)).observed.value == pytest.approx(observed, abs=5e-8)
