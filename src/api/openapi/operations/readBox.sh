curl -fsS -H "token: $token" -H "passphrase: correct horse" "$SEALDROP/Service"
