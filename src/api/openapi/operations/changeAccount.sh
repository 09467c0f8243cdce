curl -fsS -X PUT \
  -H "Authorization: ApiKey $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"notify_email": null}' \
  "$SEALDROP/api/account"
