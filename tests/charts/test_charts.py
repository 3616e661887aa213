"""Charts: complete as tables, safe under a strict CSP, and drawn inside their frame."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from django.utils.html import conditional_escape
from hypothesis import example, given
from hypothesis import strategies as st

from labeler.charts import (
    Bar,
    Corner,
    Fan,
    PairCell,
    Point,
    Series,
    Share,
    bars,
    burn_up,
    confusion_matrix,
    line_chart,
    pair_matrix,
    scatter,
    shares,
    sparkline,
)
from labeler.charts.axes import round_ticks
from labeler.charts.heat import level_around
from labeler.wording.sentences import chart_words

WORDS = chart_words()

NASTY = """<script>alert("x")</script> & 'Ann'"""


def parsed(markup):
    """The fragment as a tree; fails unless it is well formed."""
    return ElementTree.fromstring(f"<div>{markup}</div>")


def words(element):
    return " ".join("".join(element.itertext()).split())


def rows_of(tree, css="tbl"):
    table = next(table for table in tree.iter("table") if table.get("class") == css)
    return [[words(cell) for cell in row] for row in table.iter("tr")]


def numbers_of(name, lines=((0, 0.2), (1, 0.5), (2, 0.4))):
    return Series(name, lines)


CHARTS = {
    "matrix": lambda name: pair_matrix(
        [name, "Bea"],
        {(0, 1): PairCell(0.7, 0.6, 0.8, 50, name, f"/images/?by={name}")},
        0.7,
        words=WORDS,
        few=30,
        caption=name,
    ),
    "confusion": lambda name: confusion_matrix(
        [name, "rust"],
        [[5, 2], [1, 7]],
        words=WORDS,
        caption=name,
        row_name=name,
        column_name=name,
        href=lambda i, j: f"/{name}",
    ),
    "line": lambda name: line_chart(
        name,
        name,
        [numbers_of(name), numbers_of("other")],
        words=WORDS,
        x_name=name,
        y_name=name,
        x_ticks=[(0, name)],
        target=(0.3, name),
        marks=[(1, name)],
    ),
    "scatter": lambda name: scatter(
        name,
        name,
        [Point(name, 1.1, 0.6, 40, 0.5, 0.7, f"/{name}"), Point("Bea", 2, 0.8, 0)],
        words=WORDS,
        x_name=name,
        y_name=name,
        size_name=name,
        corner=Corner(1.5, 0.7, name),
        target=(0.7, name),
        name_head=name,
    ),
    "shares": lambda name: shares(
        name,
        [Share(name, 0.8, 0.7, 0.9, 40), Share("b", None, None, None, 0, name, note=name)],
        words=WORDS,
        name_head=name,
        n_head=name,
        value_head=name,
    ),
    "bars": lambda name: bars([Bar(name, 3, name, f"/{name}"), Bar("b", 1)], empty="Nothing."),
    "no bars": lambda name: bars([], empty=name),
    "no lines": lambda name: line_chart(name, name, [], words=WORDS, x_name="x", y_name="y", empty=name),
    "no points": lambda name: scatter(name, name, [], words=WORDS, x_name="x", y_name="y", size_name="n", empty=name),
}


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("chart", CHARTS)
def test_names_cannot_become_markup_and_nothing_needs_an_inline_style(chart):
    seen = Seen()
    seen.feed(CHARTS[chart](NASTY))
    assert not seen.tags & {"script", "style", "b"}
    assert not [name for name, _ in seen.attributes if name == "style" or name.startswith("on")]
    assert NASTY in seen.text or NASTY in dict(seen.attributes).values()
    parsed(CHARTS[chart](NASTY))


@pytest.mark.parametrize("chart", CHARTS)
def test_a_template_takes_a_chart_as_it_is(chart):
    assert conditional_escape(CHARTS[chart]("Ann")) == CHARTS[chart]("Ann")


# ---- pair matrix ----


def matrix_of_three():
    cells = {
        (0, 1): PairCell(0.71, 0.63, 0.79, 242, href="/disagreements/?a=1&b=2"),
        (2, 0): PairCell(0.5, 0.1, 0.8, 12, "too few shared images"),
        (1, 2): PairCell(None, None, None, 5, "both always chose the same class"),
    }
    return parsed(pair_matrix(["Ann", "Bea", "Dora"], cells, 0.7, words=WORDS, few=30, caption="Kappa"))


def test_a_pair_shows_its_kappa_interval_and_images_on_both_sides_of_the_diagonal():
    tree = matrix_of_three()
    links = list(tree.iter("a"))
    assert [words(link) for link in links] == ["0.71±0.08", "0.71±0.08"]
    assert [link.get("title") for link in links] == [
        "Ann and Bea: κ 0.71 (95 % 0.63 to 0.79), 242 shared images",
        "Bea and Ann: κ 0.71 (95 % 0.63 to 0.79), 242 shared images",
    ]
    assert {link.get("href") for link in links} == {"/disagreements/?a=1&b=2"}
    assert {link.get("class") for link in links} == {"d0"}


def test_few_images_are_not_coloured_and_an_undefined_pair_says_why():
    titles = {cell.get("title"): cell.get("class") for cell in matrix_of_three().iter("span")}
    assert titles["Ann and Dora: κ 0.50 (95 % 0.10 to 0.80), 12 shared images; too few shared images"] == "cell none"
    assert titles["Bea and Dora: both always chose the same class"] == "cell none"


def test_the_matrix_is_also_a_list_of_pairs():
    assert rows_of(matrix_of_three())[1:] == [
        ["Ann and Bea", "0.71", "0.63 to 0.79", "242", ""],
        ["Bea and Dora", "–", "–", "5", "both always chose the same class"],
        ["Dora and Ann", "0.50", "0.10 to 0.80", "12", "too few shared images"],
    ]


def test_people_without_shared_images_have_an_empty_cell():
    cells = [
        cell
        for cell in parsed(pair_matrix(["Ann", "Bea"], {}, 0.7, words=WORDS, few=30, caption="Kappa")).iter("span")
        if cell.get("title")
    ]
    assert [cell.get("title") for cell in cells] == [
        "Ann and Bea: no shared images",
        "Bea and Ann: no shared images",
    ]


@pytest.mark.parametrize(
    ("value", "level"),
    [(-1, -3), (0.5, -3), (0.6, -2), (0.64, -1), (0.69, 0), (0.7, 0), (0.74, 1), (0.8, 2), (1, 3)],
)
def test_colours_diverge_around_the_target(value, level):
    assert level_around(value, 0.7) == level


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1))
def test_a_higher_kappa_is_never_shown_lower(one, other, target):
    low, high = sorted((one, other))
    assert -3 <= level_around(low, target) <= level_around(high, target) <= 3


# ---- confusion matrix ----


def test_the_shade_counts_errors_only():
    markup = confusion_matrix(
        ["rust", "spot", "none"],
        [[900, 10, 0], [1, 800, 5], [0, 0, 700]],
        words=WORDS,
        caption="Model against truth",
        row_name="truth",
        column_name="model",
        href=lambda i, j: f"/images/?truth={i}&model={j}",
    )
    tree = parsed(markup)
    assert [(words(a), a.get("class"), a.get("title")) for a in tree.iter("a")] == [
        ("10", "q5", "rust called spot: 10 images"),
        ("1", "q1", "spot called rust: 1 image"),
        ("5", "q3", "spot called none: 5 images"),
    ]
    assert rows_of(tree, "heat")[1] == ["rust", "900", "10", "·"]
    assert next(tree.iter("a")).get("href") == "/images/?truth=0&model=1"


def test_class_markers_may_head_the_columns():
    class Marker:
        def __html__(self):
            return "<b>rust</b>"

    markup = confusion_matrix(["rust"], [[3]], words=WORDS, caption="c", row_name="r", column_name="c", tags=[Marker()])
    assert '<th scope="col" title="rust"><span class="called"><b>rust</b></span></th>' in markup


@pytest.mark.parametrize(
    ("names", "look"),
    [
        (["rust", "spot", "none"], "heat"),  # 3 x (4 + 4) = 24 letters: 35 have room on a phone
        (["rust", "leaf spot", "mildew"], "heat turned-s"),  # 3 x (9 + 4) = 39: 80 have room in a card of 1280 px
        (["rust", "powdery mildew", "a", "b", "c"], "heat turned"),  # 5 x (14 + 4) = 90
    ],
)
def test_names_that_have_no_room_side_by_side_stand_upright(names, look):
    counts = [[0] * len(names) for _ in names]
    matrix = parsed(confusion_matrix(names, counts, words=WORDS, caption="c", row_name="r", column_name="c"))
    pairs = parsed(pair_matrix(names, {}, 0.7, words=WORDS, few=30, caption="Kappa"))

    assert [next(tree.iter("table")).get("class") for tree in (matrix, pairs)] == [look, look]
    heads = [(words(th), th.get("title")) for th in matrix.iter("th")]
    assert heads == [(name, name) for name in (*names, *names)]


@pytest.mark.parametrize("counts", [[[1, 2]], [[1, 2], [3]], [[1, -1], [0, 1]]])
def test_a_matrix_that_is_no_confusion_is_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        confusion_matrix(["a", "b"], counts, words=WORDS, caption="c", row_name="r", column_name="c")


# ---- lines ----


def accuracy_chart(**changes):
    training = Series("training", [(1, 0.5), (2, 0.7), (3, 0.8)])
    validation = Series(
        "validation",
        [(1, 0.4), (2, None), (3, 0.6)],
        band=[(1, 0.3, 0.5), (3, 0.5, 0.7)],
        tone="l2",
        dashed=True,
    )
    options = {
        "x_name": "epoch",
        "y_name": "accuracy",
        "percent": True,
        "target": (0.9, "goal 90 %"),
    } | changes
    return parsed(
        line_chart("Training", "Accuracy grew from 40 to 60 %.", [training, validation], words=WORDS, **options)
    )


def test_a_line_chart_says_what_it_shows():
    svg = next(accuracy_chart().iter("svg"))
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "Training. Accuracy grew from 40 to 60 %.")
    assert svg.find("title").text == "Training"
    assert svg.find("desc").text == "Accuracy grew from 40 to 60 %."
    said = [words(label) for label in svg.iter("text")]
    assert {"training", "validation", "goal 90 %", "epoch", "↑ accuracy", "80 %"} <= set(said)


def test_a_line_chart_has_all_its_numbers_in_a_table():
    tree = accuracy_chart()
    assert words(next(tree.iter("summary"))) == "Show as table"
    assert rows_of(tree) == [
        ["epoch", "training", "validation"],
        ["1", "50.0 %", "40.0 % (30.0 % to 50.0 %)"],
        ["2", "70.0 %", "–"],
        ["3", "80.0 %", "60.0 % (50.0 % to 70.0 %)"],
    ]


def test_a_missing_value_is_a_gap_and_not_a_line():
    paths = [path.get("class") for path in accuracy_chart().iter("path")]
    assert paths == ["band2", "l1"]  # validation has one point either side of its gap: dots, no line
    assert [dot.get("class") for dot in accuracy_chart().iter("circle")].count("l2 dot") == 2


def test_one_line_needs_no_legend():
    tree = parsed(line_chart("t", "s", [numbers_of("accuracy")], words=WORDS, x_name="x", y_name="y"))
    assert "accuracy" not in [words(label) for label in next(tree.iter("svg")).iter("text")]


def test_nothing_to_draw_is_said():
    assert (
        words(parsed(line_chart("t", "s", [Series("a", [(1, None)])], words=WORDS, x_name="x", y_name="y")))
        == "Nothing to draw yet."
    )


def test_what_cannot_be_drawn_is_refused():
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="cannot draw"):
            line_chart("t", "s", [Series("a", [(1, 2.0), (2, value)])], words=WORDS, x_name="x", y_name="y")


points = st.lists(st.tuples(st.integers(-1000, 100_000), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


@given(points)
def test_every_point_lies_inside_the_frame(found):
    tree = parsed(
        line_chart("t", "s", [Series("a", sorted(found))], words=WORDS, x_name="x", y_name="y", width=620, height=300)
    )
    drawn = [path.get("d") for path in tree.iter("path")]
    places = [tuple(map(float, at)) for d in drawn for at in re.findall(r"(-?[\d.]+) (-?[\d.]+)", d)]
    places += [(float(dot.get("cx")), float(dot.get("cy"))) for dot in tree.iter("circle")]
    assert places
    assert all(0 <= x <= 620 and 0 <= y <= 300 for x, y in places)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_evenly_spaced_and_contain_the_values(low, width):
    ticks = round_ticks(low, low + width, 5)
    steps = {round((b - a) / (ticks[1] - ticks[0]), 3) for a, b in pairwise(ticks)}
    assert 2 <= len(ticks) <= 8
    assert steps == {1.0}
    hair = 1e-6 * (ticks[1] - ticks[0])
    assert ticks[0] - hair <= low < low + width <= ticks[-1] + hair


def test_ticks_are_round():
    assert round_ticks(0, 1, 5) == [0, 0.25, 0.5, 0.75, 1.0]
    assert round_ticks(0.52, 0.88, 5) == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert round_ticks(7, 7, 5) == [6.5, 6.75, 7.0, 7.25, 7.5]
    assert round_ticks(1, 12, 6, whole=True) == [0, 5, 10, 15]
    assert round_ticks(1, 1, 6, whole=True) == [0, 1, 2]


# ---- bars ----


def test_bars_keep_order_numbers_and_links():
    tree = parsed(bars([Bar("rust and spot", 62, href="/d/"), Bar("rust and none", 20, "20 images")], empty="Nothing."))
    assert [words(line) for line in tree.iter("li")] == ["rust and spot62", "rust and none20 images"]
    assert [(bar.get("value"), bar.get("max")) for bar in tree.iter("progress")] == [
        ("62", "62"),
        ("20", "62"),
    ]
    assert next(tree.iter("a")).get("href") == "/d/"


def test_all_bars_may_be_empty():
    assert next(parsed(bars([Bar("a", 0)], empty="Nothing.")).iter("progress")).get("value") == "0"


def test_impossible_bars_are_refused():
    with pytest.raises(ValueError, match="negative"):
        bars([Bar("a", -1)], empty="Nothing.")


# ---- notes, burn-up, sparkline


def burn_up_chart(**changes):
    options = {
        "labeled": [(day, 10 * day) for day in range(31)],
        "final": [(day, 7 * day) for day in range(31)],
        "today": 30,
        "wanted": 500,
        "day_words": lambda n: f"day {n:g}",
        "fan": Fan(
            [(0, 210, 210, 210), (10, 250, 300, 350), (25, 400, 480, 500), (30, 450, 500, 500)], 28, "soon", 500
        ),
    }
    return parsed(burn_up("Progress", "So far.", words=WORDS, **options | changes))


def test_a_burn_up_has_both_lines_the_level_the_range_and_today():
    tree = burn_up_chart()
    svg = next(tree.iter("svg"))
    said = [words(label) for label in svg.iter("text")]
    assert {"labeled 300", "final 210", "500 wanted", "soon", "today", "day 58"} <= set(said)
    assert [path.get("class") for path in svg.iter("path")] == ["band2", "l1", "l2", "l2 dash"]
    assert svg.get("aria-label") == "Progress. So far."
    # 33 days and 3 to come, each with what was, what may be, and its range
    rows = rows_of(tree)
    assert rows[0] == ["day", "labeled", "final", "forecast"]
    assert rows[31] == ["day 30", "300", "210", "210 (210 to 210)"]
    assert rows[-1] == ["day 60", "–", "–", "500 (450 to 500)"]


def test_without_a_forecast_it_ends_today():
    tree = burn_up_chart(fan=None)
    said = [words(label) for label in next(tree.iter("svg")).iter("text")]
    assert "today" in said and "soon" not in said
    assert len(rows_of(tree)) == 32


def test_the_far_future_is_cut_so_that_the_past_can_be_seen():
    far = Fan([(0, 1, 1, 1), (50, 2, 3, 4), (900, 400, 500, 500)], 900, "in years", 500)
    rows = rows_of(burn_up_chart(fan=far))
    assert rows[-1][0] == "day 80"  # 30 days of past: at most 60 ahead
    assert "in years" in [words(label) for label in next(burn_up_chart(fan=far).iter("svg")).iter("text")]


def test_words_of_a_finished_project_do_not_lie_on_each_other():
    done = [(day, min(500, 20 * day)) for day in range(31)]
    svg = next(burn_up_chart(labeled=done, final=done, fan=None).iter("svg"))
    places = {words(t): float(t.get("dy")) for t in svg.iter("text") if words(t) in ("labeled 500", "final 500")}
    assert places["labeled 500"] > 0  # below its line: above stands what is wanted
    assert places["final 500"] - places["labeled 500"] >= 14


@given(st.integers(1, 400), st.integers(1, 300))
def test_ticks_of_days_do_not_run_into_each_other(past, end):
    fan = Fan([(0, 1, 1, 1), (end, 2, 3, 4)], end, "x", 500)
    tree = burn_up_chart(labeled=[(0, 0), (past, 5)], final=[(0, 0), (past, 2)], today=past, fan=fan)
    ticks = [t for t in next(tree.iter("svg")).iter("text") if words(t) == "today" or words(t).startswith("day ")]
    ends = []
    for tick in ticks:
        at, width = float(tick.get("x")), 0.0165 * 620 * len(words(tick))
        left = at - width if tick.get("text-anchor") == "end" else at - width / 2
        ends.append((left, left + width))
    ends.sort()
    assert len(ticks) >= 2
    assert all(one[1] <= other[0] + 1e-6 for one, other in pairwise(ends))


def test_nothing_labeled_is_a_sentence():
    assert words(burn_up_chart(labeled=[], final=[])) == "Nothing to draw yet."


def test_a_sparkline_says_its_numbers_and_stays_in_its_cell():
    tree = parsed(sparkline([0.8, None, 0.5, 1.4, -2], "κ of Ann: 0.8, 0.5", y_range=(0.2, 1.0), tone="l3"))
    svg = next(tree.iter("svg"))
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "κ of Ann: 0.8, 0.5")
    [path] = [path.get("d") for path in svg.iter("path")]
    places = [tuple(map(float, at)) for at in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]
    assert len(places) == 4  # the gap is drawn over: there is no point in it
    assert all(0 <= x <= 96 and 0 <= y <= 26 for x, y in places)


@pytest.mark.parametrize("values", [[], [0.5], [None, 0.5, None]])
def test_one_point_is_no_course(values):
    assert sparkline(values, "κ", y_range=(0, 1)) == ""


def test_a_sparkline_cannot_carry_markup():
    seen = Seen()
    seen.feed(sparkline([0.1, 0.2], NASTY, y_range=(0, 1)))
    assert "script" not in seen.tags
    assert dict(seen.attributes)["aria-label"] == NASTY


def test_bars_may_have_full_lengths_of_their_own():
    tree = parsed(bars([Bar("a", 3, maximum=10), Bar("b", 30, maximum=60)], empty="Nothing."))
    assert [(bar.get("value"), bar.get("max")) for bar in tree.iter("progress")] == [("3", "10"), ("30", "60")]


# ---- scatter ----


def careful(**more):
    people = [
        Point("Ben", 1.1, 0.64, 206, 0.58, 0.69, "/by/Ben"),
        Point("Dana", 3.4, 0.80, 120, 0.75, 0.85),
        Point("Eve", 1.0, 0.90, 4),
    ]
    names = {"x_name": "seconds per label", "y_name": "κ", "size_name": "labels", "name_head": "person"}
    return parsed(
        scatter("Fast or careful?", "One is fast.", people, words=WORDS, corner=Corner(1.5, 0.7, "fast, low"), **names)
    )


def test_a_scatter_shades_the_corner_and_marks_who_is_in_it():
    tree = careful()
    dots = {dot.get("class"): dot for dot in tree.iter("circle") if dot.get("class") == "point out"}
    assert len(dots) == 1 and len(list(tree.iter("circle"))) == 3
    (corner,) = [rect for rect in tree.iter("rect") if rect.get("class") == "corner"]
    out = dots["point out"]
    left, top = float(corner.get("x")), float(corner.get("y"))
    assert left < float(out.get("cx")) < left + float(corner.get("width"))
    assert top < float(out.get("cy")) < top + float(corner.get("height"))
    others = [float(dot.get("cy")) for dot in tree.iter("circle") if dot.get("class") == "point in"]
    assert all(cy < top for cy in others)  # above the corner: they agree


def test_a_scatter_draws_more_labels_larger_and_an_interval_only_where_there_is_one():
    tree = careful()
    radius = [float(dot.get("r")) for dot in tree.iter("circle")]
    assert radius == sorted(radius, reverse=True) and radius[-1] >= 4  # the small ones lie on top of the large ones
    assert len([line for line in tree.iter("line") if line.get("class", "").startswith("whisker")]) == 2


def test_a_scatter_is_complete_as_a_table_that_leads_to_each_person():
    tree = careful()
    assert rows_of(tree) == [
        ["person", "seconds per label", "κ", "95 % interval", "labels", "fast, low"],
        ["Ben", "1.1", "0.64", "0.58 to 0.69", "206", "yes"],
        ["Dana", "3.4", "0.80", "0.75 to 0.85", "120", "no"],
        ["Eve", "1.0", "0.90", "–", "4", "no"],
    ]
    assert [link.get("href") for link in tree.iter("a")] == ["/by/Ben"]


@example([(5e-324, 0.0, 0)])  # too small to divide
@given(
    st.lists(
        st.tuples(st.floats(0, 60), st.floats(-1, 1), st.integers(0, 10**6)), min_size=1, max_size=40
    )
)  # fmt: skip
def test_points_and_names_of_a_scatter_stay_inside_and_names_apart(found):
    people = [Point(f"person {n}", x, y, size, y - 0.3, y + 0.3) for n, (x, y, size) in enumerate(found)]
    tree = parsed(scatter("t", "s", people, words=WORDS, x_name="x", y_name="y", size_name="n"))
    assert all(0 <= float(dot.get("cx")) <= 620 and 0 <= float(dot.get("cy")) <= 300 for dot in tree.iter("circle"))
    assert all(0 <= float(line.get("y1")) <= 300 for line in tree.iter("line"))
    names = [(float(t.get("x")), float(t.get("y"))) for t in tree.iter("text") if t.get("class") == "lab halo"]
    assert len(set(names)) == len(names) <= len(people)


def test_who_is_in_the_corner_is_named_first_and_a_long_name_is_cut_short():
    crowd = [Point(f"p{n}", 1.4, 0.69, 10) for n in range(9)]
    crowd += [Point("a.very.long.name@example.org", 0.5, 0.2, 10), Point("top", 1.4, 0.9, 10)]
    tree = parsed(
        scatter("t", "s", crowd, words=WORDS, x_name="x", y_name="y", size_name="n", corner=Corner(1.0, 0.5, "fast"))
    )  # fmt: skip
    names = [words(t) for t in tree.iter("text") if t.get("class") == "lab halo"]
    assert names[0] == "a.very.long.name@ex…" and "top" in names and len(names) < len(crowd)
    assert "a.very.long.name@example.org" in [row[0] for row in rows_of(tree)]


@pytest.mark.parametrize("point", [Point("a", float("nan"), 0.5, 1), Point("a", 1, 0.5, -1)])
def test_a_scatter_refuses_what_cannot_be_drawn(point):
    with pytest.raises(ValueError, match="cannot"):
        scatter("t", "s", [point], words=WORDS, x_name="x", y_name="y", size_name="n")


# ---- shares ----


def test_shares_have_their_numbers_as_text_and_bars_that_nobody_must_see():
    lines = [Share("seen", 0.88, 0.85, 0.9, 900), Share("not seen", None, None, None, 0, "no labels yet")]
    tree = parsed(shares("Equal to the model", lines, words=WORDS, name_head="How", n_head="Labels"))
    assert rows_of(tree, "tbl shares")[1:] == [
        ["seen", "", "88.0\N{NO-BREAK SPACE}%85.0 to 90.0 %".replace("\N{NO-BREAK SPACE}", " "), "900"],
        ["not seen", "", "–no labels yet", "0"],
    ]
    (drawing,) = tree.iter("svg")
    assert drawing.get("aria-hidden") == "true"
    bar = next(rect for rect in drawing.iter("rect") if rect.get("class") == "bar")
    assert float(bar.get("width")) == pytest.approx(0.88 * 120)


@pytest.mark.parametrize("value", [1.2, -0.1, float("nan")])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match=r"share|draw"):
        shares("s", [Share("a", value, None, None, 1)], words=WORDS, name_head="a", n_head="n")


@pytest.mark.parametrize("level", [0.02, 0.05, 0.3, 0.9])
def test_the_names_of_a_target_and_of_a_mark_never_stand_on_one_line(level):
    tree = parsed(
        line_chart(
            "t",
            "s",
            [numbers_of("a")],
            words=WORDS,
            x_name="x",
            y_name="y",
            y_range=(0, 1),
            target=(level, "goal"),
            marks=[(0, "now")],
        )
    )
    places = {words(found): float(found.get("y")) + float(found.get("dy", 0)) for found in tree.iter("text")}
    assert abs(places["goal"] - places["now"]) >= 18


def test_the_name_of_a_mark_stays_off_a_line_that_runs_along_the_bottom():
    def height(points):
        drawn = line_chart(
            "Blur", "Images by blur.", [Series("images", points)], words=WORDS, x_name="", y_name="",
            marks=[(0.65, "a finding from here")], width=480, height=230,
        )  # fmt: skip
        return float(re.search(r'y="([\d.]+)"[^>]*>a finding from here', drawn)[1])

    # The histogram of the demo: a peak at 0.3, then nothing, just where the words would stand.
    along = [(0.0, 0.0), (0.25, 0.0), (0.3, 150.0), (0.38, 30.0), (0.45, 1.0), (1.0, 0.0)]
    above = [(x, 150.0) for x, _y in along] + [(1.1, 0.0)]
    assert height(along) < 60 and height(above) > 150
