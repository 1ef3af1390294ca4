"""A real browser for pages: what axe finds, and whether anything is wider than the screen."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

__all__ = ["axe_findings", "widest"]

_PLACES = ("node_modules/axe-core/axe.min.js", "/usr/share/javascript/axe-core/axe.min.js")
_WAIT_MS = 60_000
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


def _axe() -> str:
    """Return axe-core's text from AXE_CORE, node_modules or the system; skip without it."""
    root = Path(__file__).resolve().parents[2]
    wanted = [os.environ.get("AXE_CORE", ""), *_PLACES]
    for place in wanted:
        if place and (root / place).is_file():
            return (root / place).read_text(encoding="utf-8")
    pytest.skip("axe-core is not installed: npm install --no-save axe-core, or name it in AXE_CORE")


def _answer(page: Path, script: str, folder: Path, *, width: int, dark: bool) -> Any:
    """Run a script in a copy of the page; it leaves JSON in an element called `answer`."""
    told = """<script>(async () => { const found = await (async () => { %s })();
        const box = document.createElement("pre"); box.id = "answer";
        box.textContent = JSON.stringify(found); document.body.append(box); })();</script>"""
    copy = folder / f"copy-{width}-{dark}.html"
    copy.write_text(page.read_text(encoding="utf-8") + told % script, encoding="utf-8")
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [_chromium(), *_QUIET, *scheme, f"--user-data-dir={folder / 'profile'}",
         f"--window-size={width},900", f"--virtual-time-budget={_WAIT_MS}", "--dump-dom",
         copy.as_uri()],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def axe_findings(page: Path, folder: Path, *, dark: bool = False) -> list[str]:
    """Return what axe holds against a page: rule and element."""
    script = f"""{_axe()}
        const found = await axe.run(document, {{resultTypes: ["violations"]}});
        return found.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(
            n => n.html.slice(0, 160) + " " + n.failureSummary.slice(0, 240)).join(" | "));"""
    found: list[str] = _answer(page, script, folder, width=1200, dark=dark)
    return found


def widest(page: Path, folder: Path, *, width: int) -> int:
    """Return how wide a page becomes in a frame of `width` pixels."""
    frame = folder / f"in-a-frame-{width}.html"
    text = html.escape(page.read_text(encoding="utf-8"), quote=True)
    frame.write_text(
        f'<!doctype html><iframe style="width:{width}px;height:900px;border:0" srcdoc="{text}">'
        "</iframe>",
        encoding="utf-8",
    )
    script = """await new Promise(done => setTimeout(done, 500));
        return document.querySelector("iframe").contentDocument.documentElement.scrollWidth;"""
    found: int = _answer(frame, script, folder, width=1200, dark=False)
    return found
