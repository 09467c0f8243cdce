curl -fsS \
  -H 'Content-Type: application/json' \
  -d '{"message": "The password of the printer, please.", "expiration": 24, "answer_key": "BL_R53SAeb3hDyGhXfL93dS2v3ukoqY5jhaTGgjcMI3hKAVnQ_gxFVqEnn6tK_tPmOpp9xwR5_bJ9HRrDAFHygQ"}' \
  "$SEALDROP/api/public/secret_requests"
