curl -fsS -T sealed.bin -H "Upload-Token: $upload_token" "$SEALDROP/api/secrets/$id/attachments/1"
