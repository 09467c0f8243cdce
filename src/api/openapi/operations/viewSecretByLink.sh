lease=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
curl -fsS \
  -H 'Content-Type: application/json' \
  -d "{\"lease\": \"$lease\"}" \
  "$SEALDROP/api/public/secrets/$id/view"
