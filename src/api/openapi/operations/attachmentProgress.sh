curl -fsS -I -H "Upload-Token: $upload_token" "$SEALDROP/api/secrets/$id/attachments/1"
