curl -fsS --data-urlencode "message=hunter2" --data-urlencode "email=bob@example.org" "$SEALDROP/Service/SelfDestruct"
