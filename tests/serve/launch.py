"""`hilum serve` with settings that it has no options for: python -m tests.serve.launch JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hilum.serve.run import Listening, serve
from hilum.serve.settings import ServeSettings
from hilum.serve.workers.pool import Limits


def _say(url: str, _login: bool) -> None:
    sys.stdout.write(f"hilum serves at {url}\n")
    sys.stdout.flush()


def main() -> None:
    given = json.loads(sys.argv[1])
    port = given.pop("port", 0)
    for name in ("data", "bundle"):
        if given.get(name):
            given[name] = Path(given[name])
    if "film_limits" in given:
        given["film_limits"] = Limits(**given["film_limits"])
    serve(ServeSettings(**given), Listening(port=port), ready=_say)


if __name__ == "__main__":
    main()
