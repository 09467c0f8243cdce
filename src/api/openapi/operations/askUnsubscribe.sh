curl -fsS "$SEALDROP/api/public/unsubscribe/$unsubscribe"
