"""Charts as markup: numbers in, SVG or HTML tables out.

Knows no Django, no data and no language: whoever draws hands in the words. Every function returns a complete, escaped
fragment of well-formed XHTML without style attributes or scripts, which templates take as it is (Markup); colours
come from classes of static/css/app.css. Names of people and classes may be anything; where a caller passes markup of
its own (a class marker), it must carry `__html__`, as Django's safe strings do.
"""

from labeler.charts.bars import Bar, bars
from labeler.charts.burnup import Fan, burn_up
from labeler.charts.drawn import Outline, drawn_svg, line_of
from labeler.charts.group_map import Area, Dot, group_map
from labeler.charts.heat import PairCell, confusion_matrix, pair_matrix
from labeler.charts.lines import Note, Series, line_chart
from labeler.charts.markup import Markup, Words
from labeler.charts.panels import Panel, panels
from labeler.charts.scatter import Corner, Point, scatter
from labeler.charts.shares import Share, shares
from labeler.charts.spark import sparkline

__all__ = [
    "Area",
    "Bar",
    "Corner",
    "Dot",
    "Fan",
    "Markup",
    "Note",
    "Outline",
    "PairCell",
    "Panel",
    "Point",
    "Series",
    "Share",
    "Words",
    "bars",
    "burn_up",
    "confusion_matrix",
    "drawn_svg",
    "group_map",
    "line_chart",
    "line_of",
    "pair_matrix",
    "panels",
    "scatter",
    "shares",
    "sparkline",
]
