"""What stands in the log, whoever's words they are."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hilum.serve.log import EntryFormatter

FORGED = "x\n2026-01-01 00:00:00,000 INFO forged\r2026-01-01\x1b[2K\u2028\x85forged"


@pytest.fixture
def logger() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(EntryFormatter("%(asctime)s %(levelname)s %(message)s"))
    made = logging.getLogger("tests of the log")
    made.addHandler(handler)
    yield made, written
    made.removeHandler(handler)
    handler.close()


def test_words_from_outside_begin_no_line(logger: tuple[logging.Logger, io.StringIO]) -> None:
    log, written = logger
    log.warning("no user for %s", FORGED)
    [line] = written.getvalue().splitlines()
    assert line.endswith(
        r"WARNING no user for x\n2026-01-01 00:00:00,000 INFO forged\r2026-01-01\x1b[2K"
        r"\u2028\x85forged"
    )


def test_an_exception_s_words_begin_no_line(logger: tuple[logging.Logger, io.StringIO]) -> None:
    log, written = logger
    try:
        raise OSError(FORGED)
    except OSError:
        log.exception("a film could not be reported")
    first, *beneath = written.getvalue().splitlines()
    assert first.endswith("ERROR a film could not be reported")
    assert len(beneath) > 3
    assert all(line.startswith("  ") for line in beneath)


def test_names_of_patients_are_legible(logger: tuple[logging.Logger, io.StringIO]) -> None:
    log, written = logger
    log.warning("no user for %s", "山田 太郎, Łukasz")
    assert written.getvalue().endswith("WARNING no user for 山田 太郎, Łukasz\n")


@pytest.mark.parametrize("module", ["run", "run_node"])
def test_server_and_node_write_a_line_an_entry_and_nothing_of_libraries_below_a_warning(
    module: str,
) -> None:
    code = f"""
import logging, hilum.serve.{module} as module
module.begin_log()
logging.getLogger("hilum.serve").info("kept %s", "a\\nb")
for name in ("alembic", "uvicorn", "pynetdicom", "pydicom", "highdicom"):
    logging.getLogger(name).info("chatter")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    [line] = done.stderr.splitlines()
    assert line.endswith(r" INFO kept a\nb")
