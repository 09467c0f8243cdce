curl -fsS \
  -H "Authorization: ApiKey $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"message": "The password of the printer, please.", "expiration": 24, "limit": 3}' \
  "$SEALDROP/api/secret_requests"
