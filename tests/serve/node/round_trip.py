"""A round trip with Orthanc: python -m tests.serve.node.round_trip FILM DIR PACS WAY; prints JSON.

Run where nothing else listens (a network namespace): Orthanc's ports are fixed.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from pydicom import dcmread
from tests.serve.node.folder_store import FolderStore

from hilum.screening.default import default_bundle
from hilum.screening.screener import Screener
from hilum.serve.node.node import Node
from hilum.serve.node.reading import BundleReader
from hilum.serve.node.settings import Destination, NodeSettings, WebDestination

ROOT = "http://127.0.0.1:28042"
SR, SC = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.7"


def ask(path, body=None, kind="application/json"):
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(ROOT + path, data=data)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"alice:alice-pw").decode())
    request.add_header("Content-Type", kind)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    return json.loads(content) if content[:1] in b"[{" else content


def instances(study):
    found = ask(f"/dicom-web/studies/{study}/instances")
    return {item["00080018"]["Value"][0]: item["00080016"]["Value"][0] for item in found}


def until(condition, limit_s=30.0):
    start = time.monotonic()
    while not condition() and time.monotonic() - start < limit_s:
        time.sleep(0.05)
    return time.monotonic() - start


def fetch(folder, study):
    """Save every result object of a study from Orthanc; return the files by class."""
    files = {}
    for uid, sop_class in instances(study).items():
        if sop_class in (SR, SC):
            found = ask("/tools/lookup", uid.encode(), "text/plain")
            files[sop_class] = folder / f"{sop_class}.dcm"
            files[sop_class].write_bytes(ask(f"/instances/{found[0]['ID']}/file"))
    return files


def commitment(orthanc_id):
    asked = ask("/modalities/hilum/storage-commitment", {"Resources": [orthanc_id]})
    until(lambda: ask(f"/storage-commitment/{asked['ID']}")["Status"] != "Pending", 15)
    return ask(f"/storage-commitment/{asked['ID']}")["Status"]


def main(film, folder, pacs, way):
    orthanc = int(subprocess.run([pacs / "start", folder / "orthanc"], capture_output=True,
                                 text=True, check=True).stdout)  # fmt: skip
    pacs_node = Destination(title="ORTHANC", host="127.0.0.1", port=24242)
    web = WebDestination(url=f"{ROOT}/dicom-web", user="alice", password="alice-pw")
    store = FolderStore(folder, ("pacs",))
    settings = NodeSettings(
        arrivals=folder / "arrivals", port=24243, callers=("ORTHANC",), peers=(pacs_node,),
        destinations={"pacs": pacs_node if way == "dimse" else web}, free_disk_bytes=0,
    )  # fmt: skip
    reader = BundleReader(Screener(default_bundle(), keep_film=True))
    study = dcmread(film, stop_before_pixels=True).StudyInstanceUID
    try:
        with Node(settings, intake=store, queue=store, outbox=store, reader=reader):
            echo = ask("/modalities/hilum/echo", {}) is not None
            sent = ask("/instances", film.read_bytes(), "application/dicom")
            start = time.monotonic()
            ask("/modalities/hilum/store", {"Resources": [sent["ID"]], "Synchronous": True})
            until(lambda: {SR, SC} <= set(instances(study).values()))
            seconds = time.monotonic() - start
            files = fetch(folder, study)
            committed = commitment(sent["ID"])
            answers = len(store.answers)
            ask(
                "/modalities/hilum/store", {"Resources": [sent["ParentStudy"]], "Synchronous": True}
            )
            until(lambda: len(list(store.films.glob("*.json"))) == 3)
            time.sleep(2.5)
            kinds = sorted(store.record(path.stem)["kind"] for path in store.films.glob("*.json"))
            again = len(store.answers) - answers
            at_pacs = len(instances(study))
    finally:
        subprocess.run(["kill", str(orthanc)], check=False)
    sys.stdout.write(json.dumps({
        "echo": echo, "seconds": seconds, "files": {k: str(v) for k, v in files.items()},
        "commitment": committed, "kinds": kinds, "answers": answers, "read_again": again,
        "objects_at_pacs": at_pacs, "states": list(store.states.values()),
        "failures": store.failures, "left_in_arrivals": len(list(settings.arrivals.iterdir())),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
