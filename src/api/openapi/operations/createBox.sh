curl -fsS --data-urlencode "passphrase=correct horse" "$SEALDROP/Service"
