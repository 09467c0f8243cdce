curl -fsS -H "Manage-Token: $manage_token" "$SEALDROP/api/public/secret_requests/$id/status"
