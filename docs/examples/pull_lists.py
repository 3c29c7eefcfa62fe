"""Fetch every list that this company does not have yet, check it, keep it, and say so. Standard library alone.

HUB=https://hub.example CLIENT=city-water-billing SECRET=... python3 pull_lists.py FOLDER
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

HUB, CLIENT, SECRET = (os.environ[name] for name in ("HUB", "CLIENT", "SECRET"))
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def call(path, body=None, **headers):
    """Return the bytes of an answer; an error is raised with the hub's problem in it."""
    with urlopen(Request(HUB + path, data=body, headers=headers), timeout=60) as answer:
        return answer.read()


form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
token = json.loads(call("/v1/token", urlencode(form).encode()))["access_token"]
who = {"Authorization": f"Bearer {token}"}

have = max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0)
for entry in json.loads(call(f"/v1/lists?after={have}", **who)):
    signed = call(entry["manifest"], **who)
    manifest = json.loads(signed)
    form = next((one for one in manifest["renderings"] if one["name"] == "company"), manifest["renderings"][0])
    content = call(f"{entry['content']}?rendering={form['name']}", **who)
    if hashlib.sha256(content).hexdigest() != form["sha256"]:
        sys.exit(f"list {entry['number']} is not what was signed; fetch it again")
    place = folder / str(entry["number"])
    part = folder / f".{entry['number']}.part"
    part.mkdir(exist_ok=True)
    (part / "manifest.json").write_bytes(signed)
    (part / "manifest.sig").write_bytes(call(entry["manifest"].replace("manifest", "signature"), **who))
    (part / form["file_name"]).write_bytes(content)
    part.rename(place)  # a list is here whole, or not at all
    receipt = json.dumps({"manifest_sha256": hashlib.sha256(signed).hexdigest()}).encode()
    key = {"Idempotency-Key": f"receipt-{entry['number']}", "Content-Type": "application/json"}
    call(f"/v1/lists/{entry['number']}/receipt", receipt, **who, **key)
    print(place / form["file_name"])
