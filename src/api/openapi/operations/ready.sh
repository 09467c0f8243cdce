curl -fsS "$SEALDROP/ready"
