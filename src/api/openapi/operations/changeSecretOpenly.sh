curl -fsS -X PATCH \
  -H "Manage-Token: $manage_token" \
  -H 'Content-Type: application/json' \
  -d '{"expiration": 72, "max_views": 3}' \
  "$SEALDROP/api/public/secrets/$id"
