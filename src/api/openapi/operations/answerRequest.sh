curl -fsS \
  -H 'Content-Type: application/json' \
  -d '{"ciphertext": "eyJpdiI6ImtXelh1MXo0VEIxN1Vxb01MNmovd3c9PSIsInYiOjEsIml0ZXIiOjEwMDAwLCJrcyI6MjU2LCJ0cyI6NjQsIm1vZGUiOiJnY20iLCJhZGF0YSI6IiIsImNpcGhlciI6ImFlcyIsInNhbHQiOiI1YzVPbXhoNHdMND0iLCJjdCI6ImJxZ0tXZUR3ZWNRcHN4Szd1RncrIn0=", "password_part_private": "TFNFQ1RBbENZNUNyYVhLSnlo"}' \
  "$SEALDROP/api/public/secret_requests/$id/secrets"
