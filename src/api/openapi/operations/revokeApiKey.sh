curl -fsS -X DELETE -H "Authorization: ApiKey $KEY" "$SEALDROP/api/account/keys/$id"
