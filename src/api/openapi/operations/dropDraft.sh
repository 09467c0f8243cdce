curl -fsS -X DELETE -H "Upload-Token: $upload_token" "$SEALDROP/api/secrets/$id/draft"
