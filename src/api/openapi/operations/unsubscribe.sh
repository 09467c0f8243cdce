curl -fsS -X POST "$SEALDROP/api/public/unsubscribe/$unsubscribe"
