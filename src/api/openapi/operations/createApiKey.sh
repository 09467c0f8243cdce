curl -fsS \
  -H "Authorization: ApiKey $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"kind": "public", "name": "Web page"}' \
  "$SEALDROP/api/account/keys"
