"""hilum trains, proves and serves chest X-ray classifiers. For research use only."""

__version__ = "0.1.0"
