"""`hilum node` beside Debian's Orthanc: python -m tests.serve.node_and_pacs FILM FOLDER PACS.

Run where only its own loopback exists (`in_netns`), since Orthanc listens on every address.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

REST = "http://127.0.0.1:28042"
NODE_PORT = 24243


def main(film: Path, folder: Path, pacs: Path) -> None:
    started = subprocess.run(
        [pacs / "start", folder / "pacs"], check=True, capture_output=True, text=True
    )
    orthanc = int(started.stdout.split()[-1])
    words = [
        "-m", "hilum", "node", "--port", NODE_PORT, "--caller", "ORTHANC", "--data",
        folder / "data", "--forward", "ORTHANC@127.0.0.1:24242", "--workers", 1,
    ]  # fmt: skip
    node = subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True)
    try:
        if node.stdout is None or not node.stdout.readline().startswith("hilum listens as HILUM"):
            raise RuntimeError("the node did not start")
        said = round_trip(film)
        node.send_signal(signal.SIGTERM)
        said["exit_code"] = node.wait(40)
    finally:
        node.kill()
        subprocess.run(["kill", str(orthanc)], check=False)
    for name, content in said.pop("contents").items():
        (folder / f"{name}.dcm").write_bytes(content)
    sys.stdout.write(json.dumps(said) + "\n")


def round_trip(film: Path) -> dict[str, Any]:
    with httpx.Client(base_url=REST, auth=("alice", "alice-pw"), trust_env=False) as client:
        sent = client.post("/instances", content=film.read_bytes()).raise_for_status().json()
        begun = time.monotonic()
        asked = {"Resources": [sent["ID"]], "Synchronous": True}
        client.post("/modalities/hilum/store", json=asked, timeout=30).raise_for_status()
        while len(found := client.get("/instances").json()) < 3:
            if time.monotonic() - begun > 60:
                raise RuntimeError("no results came")
            time.sleep(0.05)
        seconds = time.monotonic() - begun
        study = client.get(f"/instances/{sent['ID']}/study").json()
        results = [each for each in found if each != sent["ID"]]
        again = client.post(
            "/modalities/hilum/store", json={**asked, "Resources": results}, timeout=30
        )  # our own results, which must not be read
        time.sleep(1.5)
        series = client.get(
            "/dicom-web/series",
            params={"StudyInstanceUID": study["MainDicomTags"]["StudyInstanceUID"]},
            headers={"Accept": "application/dicom+json"},
        ).json()
        return {
            "seconds": seconds,
            "sent_again": again.status_code,
            "objects": len(client.get("/instances").json()),
            "modalities": sorted(each["00080060"]["Value"][0] for each in series),
            "contents": {each: client.get(f"/instances/{each}/file").content for each in results},
        }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
