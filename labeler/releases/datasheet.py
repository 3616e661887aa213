"""The questions of Datasheets for Datasets (Gebru et al., 2021), in its order. Knows no answers.

A question's key is what a release's card files its answer under, so keys are never changed.
"""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """One question of the datasheet."""

    key: str
    section: str
    text: str


_SECTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "Motivation": (
        ("purpose", "For what purpose was the data set created?"),
        ("creators", "Who created it, and on behalf of whom?"),
        ("funding", "Who funded it?"),
    ),
    "Composition": (
        ("instances", "What do the instances represent?"),
        ("count", "How many instances are there, of each type?"),
        ("sample", "Is it all possible instances, or a sample of a larger set? How was it drawn?"),
        ("content", "What data does each instance consist of?"),
        ("labels", "Is there a label or target with each instance?"),
        ("missing", "Is any information missing from instances?"),
        ("relations", "Are relationships between instances made explicit?"),
        ("splits", "Are there recommended splits?"),
        ("errors", "Are there errors, sources of noise, or redundancies?"),
        ("self_contained", "Is it self-contained, or does it rely on other resources?"),
        ("confidential", "Does it contain data that might be confidential?"),
        ("offensive", "Does it contain data that might offend, insult, threaten, or cause anxiety?"),
        ("subpopulations", "Does it identify subpopulations of people?"),
        ("identifiable", "Can persons be identified from it, directly or indirectly?"),
        ("sensitive", "Does it contain data that might be sensitive in any way?"),
    ),
    "Collection process": (
        ("acquisition", "How was the data of each instance acquired?"),
        ("mechanisms", "What mechanisms were used to collect it?"),
        ("collectors", "Who was involved in collecting it, and how were they paid?"),
        ("timeframe", "Over what time was it collected?"),
        ("ethics", "Were ethical reviews conducted?"),
        ("consent", "Were the persons concerned told of it, and did they consent?"),
        ("impact", "Has its potential impact on them been analysed?"),
    ),
    "Preprocessing, cleaning, labeling": (
        ("preprocessing", "Was the data preprocessed, cleaned, or labeled? How?"),
        ("agreement", "How far do those who labeled it agree?"),
        ("models", "Had models a part in the labels?"),
        ("raw", "Is the raw data saved as well?"),
        ("software", "Is the software that did it available?"),
    ),
    "Uses": (
        ("used", "Has it been used already?"),
        ("usable", "What else could it be used for?"),
        ("caution", "Is there anything in its composition or collection that might affect future uses?"),
        ("not_for", "Are there tasks for which it should not be used?"),
    ),
    "Distribution": (
        ("distribution", "Will it be given to third parties? How, and when?"),
        ("license", "Under which licence or terms of use?"),
        ("restrictions", "Do other restrictions apply, of third parties or by law?"),
    ),
    "Maintenance": (
        ("maintainer", "Who maintains it, and how can they be reached?"),
        ("updates", "Will it be updated? Are older versions kept?"),
        ("erratum", "Is there an erratum?"),
        ("retention", "Do limits on how long it may be kept apply?"),
        ("contributions", "How can others extend or contribute to it?"),
    ),
}
QUESTIONS = tuple(Question(key, section, text) for section, rows in _SECTIONS.items() for key, text in rows)
