"""The checks, in the order a reader meets them; importing this registers them."""

# isort: off
from hilum.audit.checks import baseline  # noqa: F401 - importing it registers its checks
from hilum.audit.checks import sources  # noqa: F401
from hilum.audit.checks import each_source  # noqa: F401
from hilum.audit.checks import shuffled  # noqa: F401
from hilum.audit.checks import quality  # noqa: F401
from hilum.audit.checks import regions  # noqa: F401
from hilum.audit.checks import marks  # noqa: F401
from hilum.audit.checks import leakage  # noqa: F401
from hilum.audit.checks import explanation  # noqa: F401
from hilum.audit.checks import randomisation  # noqa: F401
from hilum.audit.checks import stability  # noqa: F401
from hilum.audit.checks import subgroups  # noqa: F401
from hilum.audit.checks import class_balance  # noqa: F401
from hilum.audit.checks import calibration  # noqa: F401
