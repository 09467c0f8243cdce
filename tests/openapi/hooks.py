"""What schemathesis cannot know: real values for the formats of the OpenAPI document, and addresses of
many clients, so that no limit is reached."""

import atexit
import collections
import itertools
import json
import os
import pathlib
import subprocess
from datetime import datetime, timedelta, timezone

import requests
import schemathesis
from hypothesis import strategies as st

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = json.loads((ROOT / "docs/recipes/secret.json").read_text())
# It is looked up when it is called, and then refused: no call leaves the machine.
WEBHOOK = "https://localhost/hook"
LEASE = "q83vEjRWeJCrze8SNFZ4kA"

schemathesis.openapi.format("sjcl-base64", st.just(SECRET["ciphertext"]))
schemathesis.openapi.format("password-part", st.just(SECRET["password_part_private"]))
schemathesis.openapi.format("webhook-url", st.just(WEBHOOK))
schemathesis.openapi.format("email", st.just("somebody@example.org"))
# The moments that the API takes are in the future.
schemathesis.openapi.format(
    "date-time", st.just((datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
)


@schemathesis.deserializer("text/xml", "application/xml")
def xml(context, response):
    """Is checked as a text."""
    return response.text


# The public key of tests/vectors/answers.json, for a secret that can be answered.
REPLY_KEY = "BL_R53SAeb3hDyGhXfL93dS2v3ukoqY5jhaTGgjcMI3hKAVnQ_gxFVqEnn6tK_tPmOpp9xwR5_bJ9HRrDAFHygQ"
# A call whose path begins with the first of these concerns the third, which a POST to the second creates.
MADE_BY = [
    ("/api/account/keys/", "/api/account/keys", {"kind": "public", "name": "for a call"}),
    ("/api/account/webhooks/", "/api/account/webhooks", {"url": WEBHOOK}),
    ("/api/public/secret_requests/", "/api/public/secret_requests", {}),
    ("/api/public/secrets/", "/api/public/secrets", SECRET),
    ("/api/secret_requests/", "/api/secret_requests", {}),
    ("/api/secrets/", "/api/secrets", SECRET),
    ("/Service", "/Service", {"passphrase": "correct horse"}),
]
# The answers to each call, for the end.
answers = collections.defaultdict(collections.Counter)
customers = itertools.count()


def elsewhere():
    """The headers of a client at an address of its own, because the limits of one client are low."""
    number = next(customers)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Sends each case from another address. A valid case without a link concerns an object that exists."""
    case.headers.update(elsewhere())
    if isinstance(case.body, dict) and case.body.get("url") == "https://example.org/hook":
        case.body["url"] = WEBHOOK
    meta = case.meta
    if meta and meta.generation.mode.value == "positive" and meta.phase.name.value != "stateful":
        aim(case)


def aim(case):
    """Makes a case concern an object that exists."""
    method, path = case.operation.method.upper(), case.operation.path
    if path == "/api/public/claims":
        case.body = {"token": claim()}
        return
    if (method, path) == ("POST", "/api/account/keys"):
        spare = [key for key in call("GET", path) if key["last_used_on"] is None and not key["current"]]
        for key in spare[50:]:
            call("DELETE", f"{path}/{key['id']}")
    for start, source, body in MADE_BY:
        if path.startswith(start) and (method, path) != ("POST", source):
            break
    else:
        return
    if path.startswith("/Service"):
        return aim_at_box(case, method, body)
    if "/attachments/" in path or path.endswith(("/publish", "/draft")):
        return aim_at_draft(case, method, body)
    # An account can have a limited number of these.
    if "webhooks" in source:
        thing = call("GET", "/api/account")["webhooks"][:1]
    elif "keys" in source:
        thing = [key for key in call("GET", source) if key["name"] == body["name"]][:1]
    else:
        thing = []
    if path.endswith("/reply"):
        body = {**body, "reply_key": REPLY_KEY}
    thing = thing[0] if thing else call("POST", source, body)
    case.path_parameters["id"] = thing["id"]
    if "manage_token" in thing and "Manage-Token" in case.headers:
        case.headers["Manage-Token"] = thing["manage_token"]
    if path.endswith("/burn"):
        call("POST", path.format(**thing).replace("/burn", "/view"), {"lease": LEASE})
        case.body = {"lease": LEASE}
    if path.endswith("/reply") and isinstance(case.body, dict):
        call("POST", path.format(**thing).replace("/reply", "/view"), {"lease": LEASE})
        case.body["lease"] = LEASE


def claim():
    """The token of a new claim link."""
    command = [os.environ["PROGRAM"], "claim", "--json", "--data", os.environ["DATA"]]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    return json.loads(printed)["link"].split("#")[1]


# As long as a sealed file of one byte: the server does not open it.
SEALED = bytes(7 + 1 + 16)


def aim_at_draft(case, method, body):
    """The same for drafts, and for files of the secrets that they become."""
    draft = call("POST", "/api/secrets", {**body, "attachments": 1})
    case.path_parameters["id"] = draft["id"]
    if "n" in case.path_parameters:
        case.path_parameters["n"] = 1
    if "Upload-Token" in case.headers:
        case.headers["Upload-Token"] = draft["upload_token"]
    if method == "HEAD":
        # Of the two headers that select the answer, the one that works for this draft.
        case.headers.pop("Lease", None)
        case.headers["Upload-Token"] = draft["upload_token"]
    if method == "PUT":
        case.body = SEALED
        case.headers.pop("Content-Range", None)
    elif method == "GET" or case.path.endswith("/publish"):
        address = f"{os.environ['SEALDROP']}/api/secrets/{draft['id']}/attachments/1"
        headers = {"Upload-Token": draft["upload_token"]}
        requests.put(address, data=SEALED, headers=headers, timeout=30).raise_for_status()
        call("POST", f"/api/public/secrets/{draft['id']}/view", {"lease": LEASE})
        if "Lease" in case.headers:
            case.headers["Lease"] = LEASE


# One is kept, because creating boxes is slow.
boxes = []


def aim_at_box(case, method, body):
    """The same for boxes, which are named elsewhere."""
    key = boxes.pop() if boxes else call("POST", "/Service", body)
    if method != "DELETE":
        boxes.append(key)
    if "token" in case.path_parameters:
        case.path_parameters["token"] = key["KeyToken"]
    elif method in ("GET", "DELETE") and "token" in case.headers:
        case.headers["token"] = key["KeyToken"]
        case.headers["privatekeyhash"] = key["PrivateKeyHash"]
        case.headers.pop("passphrase", None)
    elif method == "PUT" and isinstance(case.body, dict):
        case.body["token"] = key["KeyToken"]


def call(method, path, body=None):
    """Makes a call besides those of schemathesis; returns the answer."""
    headers = {"Authorization": f"ApiKey {os.environ['KEY']}", **elsewhere()}
    url = os.environ["SEALDROP"] + path
    answer = requests.request(method, url, json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json().get("data", answer.json())


@schemathesis.hook
def after_call(context, case, response):
    """Counts."""
    answers[case.operation.label][response.status_code] += 1


@atexit.register
def tell():
    """Writes the counts to the file that tests/openapi/run reads."""
    lines = (f"{label}: {dict(counts)}" for label, counts in sorted(answers.items()))
    pathlib.Path(os.environ["ANSWERS"]).write_text("\n".join(lines) + "\n")
