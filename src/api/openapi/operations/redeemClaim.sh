curl -fsS \
  -H 'Content-Type: application/json' \
  -d "{\"token\": \"$claim\"}" \
  "$SEALDROP/api/public/claims"
