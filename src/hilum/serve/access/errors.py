"""What is answered to those who may not.

* AccessError            has `.status`, `.title`, `.detail` and `.headers`
  - NotLoggedInError     401: nobody, or nobody known
  - ForbiddenError       403: known, but may not
  - TooManyError         429: later; has `.wait_s`
  - BusyError            503: too many passwords are being checked at once
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from hilum.errors import HilumError

__all__ = ["AccessError", "BusyError", "ForbiddenError", "NotLoggedInError", "TooManyError"]


class AccessError(HilumError):
    """Refuse a request.

    Args:
        status: HTTP status.
        title: The kind of refusal, the same words each time.
        detail: What to do about it. Holds nothing that came with the request.
        headers: What goes with the answer.
    """

    def __init__(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        super().__init__(f"{title}. {detail}")

    def problem(self) -> dict[str, object]:
        """Return the body of the answer, application/problem+json (RFC 9457)."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }


class NotLoggedInError(AccessError):
    """Refuse who is not known. One answer for every reason, so that none can be learnt.

    Args:
        detail: What to do about it.
    """

    def __init__(self, detail: str = "Log in, or send a token that is valid.") -> None:
        super().__init__(401, "Not logged in", detail, {"WWW-Authenticate": 'Bearer realm="hilum"'})


class ForbiddenError(AccessError):
    """Refuse who is known but may not, or a request that another site made.

    Args:
        detail: What to do about it.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(403, "Not allowed", detail)


class TooManyError(AccessError):
    """Ask to come again later.

    Args:
        wait_s: Seconds to wait, more than 0.
        detail: What there was too much of.
    """

    def __init__(self, wait_s: float, detail: str) -> None:
        self.wait_s = max(1, math.ceil(wait_s))
        super().__init__(
            429,
            "Too many requests",
            f"{detail} Try again in {self.wait_s} s.",
            {"Retry-After": str(self.wait_s)},
        )


class BusyError(AccessError):
    """Ask to come again at once: the server is checking as many passwords as it can."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "Busy",
            "Too many people are logging in. Try again in 2 s.",
            {"Retry-After": "2"},
        )
