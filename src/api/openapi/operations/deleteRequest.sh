curl -fsS -X DELETE -H "Authorization: ApiKey $KEY" "$SEALDROP/api/secret_requests/$id"
