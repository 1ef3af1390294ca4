"""Can these published numbers be? Which whole numbers of images could have given a printed row.

* number       a number as printed, and the values that its digits leave open
* metric       the figures that follow from counts, and their names in tables
* table        printed rows, the images of each class, and what is checked of them
* reading      those from CSV, YAML and hilum's own evaluations
* two_classes  every confusion matrix of two classes that gives a row, by bisection
* many_classes the same for more classes, by what is right and what is wrongly called
* cores        the smallest sets of printed numbers that contradict each other
* reasons      what a contradiction comes to, in words
* slips        which slip of the pen would explain a row: swapped, copied, averaged, cut off
* rows, joint, across, folds   a row alone, a name in several tables, rows compared, mean and spread
* check        all of it, for all tables

Kept apart from the rest of the room because nothing here sees a prediction: digits alone.
"""

from hilum.evaluation.published.check import Report, check_tables
from hilum.evaluation.published.reading import read_tables, table_of_evaluation
from hilum.evaluation.published.table import PublishedRow, PublishedTable

__all__ = [
    "PublishedRow",
    "PublishedTable",
    "Report",
    "check_tables",
    "read_tables",
    "table_of_evaluation",
]
