"""A real Ray cluster of several nodes on this machine, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.errors import MissingExtraError
from hilum.screening.archive.item import Item, Packed, Span, Stream
from hilum.screening.archive.plan import read_block, write_plan
from hilum.screening.bundle import Bundle

Call = Callable[..., Any]

SCRIPT = """
import json, os, sys, time
from pathlib import Path
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
from ray.cluster_utils import Cluster
from hilum.screening.archive.ray_run import screen_archive_on_ray
from hilum.screening.archive.run import ArchiveOptions

given = json.loads(sys.argv[1])
import hilum_test_openers
out, killed = Path(given["out"]), []
head = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=head)
nodes = [cluster.add_node(num_cpus=1, object_store_memory=100_000_000) for _ in range(2)]
try:
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")

    def busy():
        "Return the nodes, but the head, on which an actor is at work."
        actors = ray._private.state.actors().values()
        homes = {actor["Address"]["NodeID"] for actor in actors if actor["State"] == "ALIVE"}
        return [node for node in nodes if node.node_id in homes]

    def stop():
        if given["kill"] and not killed and list(out.glob("part-*.parquet")) and busy():
            killed.append(len(list(out.glob("part-*.parquet"))))
            cluster.remove_node(busy()[0], allow_graceful=False)
        return bool(given["stop"]) and bool(list(out.glob("part-*.parquet")))

    options = ArchiveOptions(
        shard_rows=6, resume=True, retry_failed=given["retry"],
        open=getattr(hilum_test_openers, given["opener"]),
    )
    found = screen_archive_on_ray(given["sources"], given["bundle"], out, options, stop=stop)
    deadline = time.monotonic() + 60
    while killed and sum(node["Alive"] for node in ray.nodes()) > 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    alive = sum(node["Alive"] for node in ray.nodes())
    print(json.dumps({**found.to_dict(), "alive": alive, "killed": killed}))
finally:
    ray.shutdown()
    cluster.shutdown()
"""


@pytest.fixture
def on_ray(opener: Call, bundle: Bundle, tmp_path: Path) -> Call:
    """Return a function that screens on a cluster of three nodes and returns the summary."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    modules = str(Path(sys.modules[opener("slow").__module__].__file__ or "").parent)
    script = tmp_path / "on_ray.py"
    script.write_text(SCRIPT)

    def screen(*sources: Path, **how: Any) -> dict[str, Any]:
        given = {
            "sources": [*map(str, sources)], "bundle": str(bundle.folder),
            "out": str(tmp_path / "out"), "opener": "slow", "kill": False, "stop": False,
            "retry": False, **how,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(script), json.dumps(given)],
            capture_output=True, text=True, timeout=500, check=False,
            env={**os.environ, "PYTHONPATH": modules, "RAY_raylet_start_wait_time_s": "300"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
        found: dict[str, Any] = json.loads(line)
        return found

    return screen


@pytest.mark.slow
def test_a_lost_node_loses_no_film_and_doubles_none(
    on_ray: Call, run: Call, table: Call, films: Path, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted(films.rglob("*.png"))):
        for copy in range(12):
            (films / f"{number}-{copy}.png").write_bytes(path.read_bytes())
    (films / "text.png").write_text("no picture")
    with tarfile.open(tmp_path / "films.tar.gz", "w:gz") as file:
        file.add(films / "a", "a")
    sources = (films, tmp_path / "films.tar.gz")
    summary = on_ray(*sources, kill=True, opener="slower")
    assert (summary["alive"], summary["complete"]) == (2, True)
    assert summary["films"] == 9 * 13 + 1 + 3
    (shards_before,) = summary["killed"]
    assert shards_before < summary["shards"] // 2
    run(*sources, out=tmp_path / "local", workers=2)
    assert table().drop("seconds").equals(table(tmp_path / "local").drop("seconds"))
    assert not list((tmp_path / "out").glob(".ray-*"))


@pytest.mark.slow
def test_films_that_failed_here_are_done_again_on_a_cluster_and_replaced_in_place(
    on_ray: Call, run: Call, table: Call, films: Path, tmp_path: Path
) -> None:
    good = (films / "a" / "0.png").read_bytes()
    for path in sorted(films.rglob("*.png"))[::2]:
        path.write_bytes(b"")
    with tarfile.open(tmp_path / "films.tar.gz", "w:gz") as file:
        file.add(films / "b", "b")
    assert run(films, tmp_path / "films.tar.gz", shard_rows=4).failed == 6
    for path in sorted(films.rglob("*.png"))[::2]:
        path.write_bytes(good)
    (films / "new.png").write_bytes(good)
    summary = on_ray(films, tmp_path / "films.tar.gz", retry=True)
    assert (summary["films"], summary["failed"]) == (13, 1)
    assert summary["screened_in_last_session"] == 5 + 1 + 1
    assert table()["key"].n_unique() == table().height == 13


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_a_film_that_kills_costs_only_itself(
    on_ray: Call, table: Call, films: Path, spoil: Call
) -> None:
    for number, path in enumerate(sorted(films.rglob("*.png"))):
        for copy in range(3):
            (films / f"{number}-{copy}.png").write_bytes(path.read_bytes())
    spoil(films / "bad.png", b"SEGFAULT")
    assert not on_ray(films, opener="deadly", stop=True)["complete"]
    begun = table().height
    summary = on_ray(films, opener="deadly")
    assert (summary["films"], summary["failed"]) == (37, 1)
    assert summary["screened_in_last_session"] == 37 - begun
    assert "signal 11" in pl.Series(table()["error"].drop_nulls()).item()


def test_a_plan_gives_back_what_was_put_in(tmp_path: Path) -> None:
    items = [
        Item(path="/films/\udcff.png"),
        Item(path="/films/a.tar", member="a.png", copy=2, where=Span(512, 1024)),
        Item(path="/films/b.tgz", where=Stream()),
        Item(path="/films/c.zip", member="é.png", where=Packed(1, 2, 3, 4, deflated=True)),
        Item(path="/films/c.zip", member="rare.png", where=b"\0bytes"),
        Item(path="/films/d.zip", error="it is encrypted."),
    ]
    assert write_plan(iter(items), tmp_path, rows=3) == (3, 6)
    found = [read_block(tmp_path, number) for number in range(3)]
    assert found[0] == [items[2]]
    assert found[1] + found[2] == [item for item in items if item is not items[2]]


def test_without_ray_the_extra_is_named(
    bundle: Bundle, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hilum.screening.archive.ray_run import screen_archive_on_ray

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hilum\[scale\]'"):
        screen_archive_on_ray([str(films)], bundle.folder, tmp_path / "out")
