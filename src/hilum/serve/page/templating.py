"""Pages from templates: every word that comes from elsewhere is escaped."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from hilum.serve.access.principal import Principal
from hilum.serve.page.assets import assets

__all__ = ["THEME_COOKIE", "dated", "render", "theme_of"]

THEME_COOKIE = "hilum_theme"
"""Holds "dark", "light" or "system"; a page is drawn with it at once, without a flash."""

Theme = Literal["dark", "light", "system"]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hilum.serve.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = assets().path
    made.filters["dated"] = dated
    made.filters["moment"] = _moment
    return made


def render(
    request: Request, name: str, *, who: Principal | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page.

    Args:
        request: Whose theme it takes.
        name: Of the template.
        who: Who looks; None before the login.
        status: HTTP status.
        values: What the template names.
    """
    text = _environment().get_template(name).render(
        who=who, theme=theme_of(request), path=request.url.path, **values
    )  # fmt: skip
    return HTMLResponse(text, status)


def theme_of(request: Request) -> Theme:
    """Return the theme a browser asked for; dark, as a reading room is, if it did not."""
    wished = request.cookies.get(THEME_COOKIE)
    if wished == "light":
        return "light"
    return "system" if wished == "system" else "dark"


def dated(text: str | None) -> str:
    """Return a DICOM date as 2020-01-31; what is none as it stands.

    >>> dated("20200131"), dated(None)
    ('2020-01-31', '')
    """
    if text and len(text) == 8 and text.isdecimal():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text or ""


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
