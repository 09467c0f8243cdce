curl -fsS -H "Authorization: ApiKey $KEY" "$SEALDROP/api/secret_requests/$id"
