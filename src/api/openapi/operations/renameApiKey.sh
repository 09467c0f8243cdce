curl -fsS -X PATCH \
  -H "Authorization: ApiKey $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"name": "Backup script"}' \
  "$SEALDROP/api/account/keys/$id"
