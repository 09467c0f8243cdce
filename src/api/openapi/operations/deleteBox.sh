curl -fsS -X DELETE -H "token: $token" -H "passphrase: correct horse" "$SEALDROP/Service"
