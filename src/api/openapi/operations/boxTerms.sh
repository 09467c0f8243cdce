curl -fsS "$SEALDROP/Service/$token/terms"
