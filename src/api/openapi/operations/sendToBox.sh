echo "the plan" >plan.txt
curl -fsS -X PUT -F token="$token" -F message="the door code is 4711" -F files=@plan.txt "$SEALDROP/Service"
