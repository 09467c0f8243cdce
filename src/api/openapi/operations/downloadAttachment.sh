curl -fsS -o sealed.bin -H "Lease: $lease" "$SEALDROP/api/secrets/$id/attachments/1"
