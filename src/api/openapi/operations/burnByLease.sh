curl -fsS \
  -H 'Content-Type: application/json' \
  -d "{\"lease\": \"$lease\"}" \
  "$SEALDROP/api/public/secrets/$id/burn"
