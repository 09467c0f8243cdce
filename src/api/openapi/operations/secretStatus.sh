curl -fsS -H "Manage-Token: $manage_token" "$SEALDROP/api/public/secrets/$id/status"
