curl -fsS -X POST -H "Authorization: ApiKey $KEY" "$SEALDROP/api/account/webhooks/$id/test"
