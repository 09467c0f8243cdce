curl -fsS "$SEALDROP/Service/$token/publickey?format=jwk"
