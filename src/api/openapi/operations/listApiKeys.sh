curl -fsS -H "Authorization: ApiKey $KEY" "$SEALDROP/api/account/keys"
