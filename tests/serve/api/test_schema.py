"""What OpenAPI says is what is done: requests that schemathesis makes up, right and wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from tests.serve.people import add_people
from tests.serve.running import Running

from hilum.serve.api import films, health, opinions

schemathesis = pytest.importorskip("schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

# A class that the bundle does not have and a body that is no film fit the schema and are refused;
# that they are, and with what, is tried by name elsewhere.

_EXAMPLES = 30
_WITHOUT_PARAMETERS = {"GET /healthz", "GET /readyz"}


def _operations() -> list[str]:
    app = FastAPI()
    for router, prefix in ((films, "/api/v1"), (opinions, "/api/v1"), (health, "")):
        app.include_router(router.router, prefix=prefix)
    paths = app.openapi()["paths"]
    return [f"{method.upper()} {path}" for path, found in paths.items() for method in found]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory, quick_bundle: Path) -> Iterator[Any]:
    """The schema of a server that asks for a token, which every right request carries."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    token = add_people(data)
    with Running(data, bundle=str(quick_bundle), workers=1) as running:
        auth = {"auth": {"openapi": {"token": {"bearer": token}}}}
        config = schemathesis.Config.from_dict(auth)
        yield schemathesis.openapi.from_url(f"{running.url}/api/v1/openapi.json", config=config)
        assert "Traceback" not in running.text()


def test_every_operation_is_tried(schema: Any) -> None:
    found = {each.ok().label for each in schema.get_all_operations()}
    assert set(_operations()) <= found


@pytest.mark.parametrize("mode", [*schemathesis.GenerationMode], ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", _operations())
def test_the_server_does_what_it_says(schema: Any, label: str, mode: Any) -> None:
    if mode is schemathesis.GenerationMode.NEGATIVE and label in _WITHOUT_PARAMETERS:
        pytest.skip("nothing can be wrong with a request that has no parameters")
    method, path = label.split()
    strategy = schema[path][method].as_strategy(generation_mode=mode)

    @given(case=strategy)
    @settings(
        max_examples=_EXAMPLES, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    def try_it(case: Any) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    try_it()
