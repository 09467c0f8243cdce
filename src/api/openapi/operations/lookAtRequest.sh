curl -fsS "$SEALDROP/api/public/secret_requests/$id"
