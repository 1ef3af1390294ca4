"""The checks, in the order a reader meets them; importing this registers them."""

from hilum.audit.checks import baseline  # noqa: F401 - importing it registers its checks
