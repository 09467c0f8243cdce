curl -fsS "$SEALDROP/api/public/secrets/$id"
