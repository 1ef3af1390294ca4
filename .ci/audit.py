"""Ask a database of vulnerabilities about requirements.lock; without one, compare with floors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK, FLOORS = ROOT / "requirements.lock", Path(__file__).with_name("floors.txt")
_SECONDS = 180


def locked() -> dict[str, Version]:
    """Return the versions of the lock by name."""
    lines = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", LOCK.read_text(), re.MULTILINE)
    return {name.lower(): Version(version) for name, version in lines}


def below_floors() -> list[str]:
    """Return what is locked at a version with a known hole."""
    lines = [line.partition("#")[0].strip() for line in FLOORS.read_text().splitlines()]
    floors = [Requirement(line) for line in lines if line]
    versions = locked()
    return [
        f"{floor}, locked at {versions[floor.name]}"
        for floor in floors
        if floor.name in versions and versions[floor.name] not in floor.specifier
    ]


def known_holes() -> tuple[int, list[str]]:
    """Return how many packages a database knew, and what is wrong with them."""
    command = ["pip_audit", "-r", str(LOCK), "--no-deps", "--disable-pip", "-f", "json"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command, "--progress-spinner", "off"],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return 0, []
    asked = [each for each in found if "skip_reason" not in each]
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {hole['fix_versions']}"
        for each in asked
        for hole in each["vulns"]
    ]
    return len(asked), holes


def main() -> None:
    """Say what is wrong, and fail if anything is."""
    count, wrong = known_holes()
    wrong += below_floors()
    if count:
        print(f"{count} locked packages were looked up.")
    else:
        print("No database of vulnerabilities can be reached; compared with .ci/floors.txt.")
    print("\n".join(wrong) or "Nothing is known against them.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
