"""Figures as SVG text: read without scripts, sharp on paper, and coloured by the page's style.

Every function returns a `Drawing`; its markup names itself for whoever cannot see it, and all text
in it is escaped. Colours are the page's variables, so that one figure serves light and dark.
"""

from hilum.report.svg.canvas import WIDTH, Drawing
from hilum.report.svg.confusion import confusion_matrix
from hilum.report.svg.intervals import interval_rows
from hilum.report.svg.lines import Curve, line_chart
from hilum.report.svg.ranking import precision_recall_chart, roc_chart
from hilum.report.svg.reliability import reliability_chart
from hilum.report.svg.scale import Scale, nice_ticks
from hilum.report.svg.thin import thinned

__all__ = [
    "WIDTH",
    "Curve",
    "Drawing",
    "Scale",
    "confusion_matrix",
    "interval_rows",
    "line_chart",
    "nice_ticks",
    "precision_recall_chart",
    "reliability_chart",
    "roc_chart",
    "thinned",
]
