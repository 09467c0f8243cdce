curl -fsS "$SEALDROP/health"
