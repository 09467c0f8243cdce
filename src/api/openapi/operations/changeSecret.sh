curl -fsS -X PATCH \
  -H "Authorization: ApiKey $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"expiration": 72, "max_views": 3}' \
  "$SEALDROP/api/secrets/$id"
