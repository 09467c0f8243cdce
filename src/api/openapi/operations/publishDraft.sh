curl -fsS -X POST -H "Upload-Token: $upload_token" "$SEALDROP/api/secrets/$id/publish"
