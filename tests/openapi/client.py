"""Calls a daemon through the Python client that openapi-python-client has made of the description: usage
client.py DOCUMENT, with the client in the path as `sealdrop_client`, and SEALDROP, KEY and PUBLIC_KEY set."""

import json
import os
import pathlib
import re
import sys

from sealdrop_client import AuthenticatedClient, Client, models
from sealdrop_client.api.boxes import create_box, read_box, send_to_box
from sealdrop_client.api.secret_requests import create_request, delete_request, list_requests
from sealdrop_client.api.secrets import create_secret, delete_secret, list_secrets, view_secret

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = json.loads((ROOT / "docs/recipes/secret.json").read_text())
BASE = os.environ["SEALDROP"]


def every_schema_is_kept(document):
    """Each object of the description has a class, with each of its fields."""
    schemas = json.loads(pathlib.Path(document).read_text())["components"]["schemas"]
    kept = 0
    for name, schema in schemas.items():
        if schema.get("type") != "object":
            continue
        kind = getattr(models, name, None)
        assert kind is not None, f"{name} is lost"
        fields = {re.sub(r"_$", "", field.name) for field in kind.__attrs_attrs__}
        for field in schema["properties"]:
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).lower()
            assert snake in fields, f"{name}.{field} is lost: {fields}"
        kept += 1
    assert kept > 20, kept


def secrets(client, viewer):
    new = models.NewSecret(
        ciphertext=SECRET["ciphertext"],
        password_part_private=SECRET["password_part_private"],
        description="made by a generated client",
        expiration="24",
        max_views=2.0,
        view_button="",
    )
    made = create_secret.sync(client=client, body=new).data
    assert made.expiration == 24 and made.max_views == 2 and made.view_button is False, made
    assert made.url == f"https://{made.domain}/{made.id}/", made
    listed = list_secrets.sync(client=client, offset=0).data
    assert made.id in [secret.id for secret in listed], listed
    seen = view_secret.sync(made.id, client=viewer).data
    assert seen.ciphertext == SECRET["ciphertext"], seen
    assert delete_secret.sync(made.id, client=client).data is None
    refused = view_secret.sync_detailed(made.id, client=viewer)
    assert refused.status_code == 404 and refused.parsed.error.message == "Not found", refused
    wrong = create_secret.sync(client=client, body=models.NewSecret("e30=", "YQ=="))
    assert wrong.error.field == "ciphertext", wrong


def requests(client):
    made = create_request.sync(client=client, body=models.NewRequest(message="please", limit="3")).data
    assert made.url.endswith(f"/req/{made.id}"), made
    listed = {request.id: request for request in list_requests.sync(client=client).data}
    assert listed[made.id].limit == 3 and listed[made.id].url == made.url, listed
    assert delete_request.sync(made.id, client=client).data is None


def boxes(client):
    key = create_box.sync(client=client, body=models.NewBox(passphrase="correct horse", v=models.NewBoxV("1.0")))
    assert isinstance(key, models.BoxKey) and key.key_id > 0 and key.messages == [], key
    assert key.release_date == key.request_date and key.lock_date is None, key
    sent = send_to_box.sync(client=client, body=models.Drop(token=key.key_token, message="hi"))
    assert sent is True, sent
    messages = read_box.sync(client=client, token=key.key_token, passphrase="correct horse")
    assert [message.message_data for message in messages] == ["hi"], messages


def main():
    every_schema_is_kept(sys.argv[1])
    keys = os.environ["KEY"], os.environ["PUBLIC_KEY"]
    # As in the document, and as generated clients send it by themselves.
    for prefix in ("ApiKey", "Bearer"):
        private, public = (AuthenticatedClient(BASE, token=key, prefix=prefix) for key in keys)
        secrets(private, public)
        requests(private)
    boxes(Client(BASE))
    print("the generated client works")


main()
