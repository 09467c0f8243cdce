curl -fsS \
  -H "Authorization: ApiKey $KEY" \
  -H 'Content-Type: application/json' \
  -d '{"url": "https://example.org/hook", "events": ["secret.viewed"]}' \
  "$SEALDROP/api/account/webhooks"
