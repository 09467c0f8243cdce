curl -fsS "$SEALDROP/api/public/captcha"
