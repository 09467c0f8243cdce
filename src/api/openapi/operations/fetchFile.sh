curl -fsS -OJ "$SEALDROP/Service/File/$file"
