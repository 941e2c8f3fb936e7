# For the tests of telegram:// stores; load it after common and archive.
#
#   start_bot           the scripted Bot API server (bot_fake.py); $BOT is its address, $LOG what it was asked; stores of
#                       the environment go there with the token in $T/secret/token
#   bot_faults JSON     what it is to do wrong from now on
#   chat [FILTER]       what is in the chat, by jq
#   chat_file ID FILE   a message's file

start_bot() {
  local port
  port=$(free_port)
  LOG=$T/bot.log
  (umask 077 && printf '123456:%s' "$CANARY" >"$T/secret/token")
  start bot bot_fake.py "$port" "$LOG" "$T/secret/token"
  BOT=http://127.0.0.1:$port
  export BOT LOG STREAM_ARCHIVE_ENDPOINT=$BOT STREAM_ARCHIVE_CREDENTIALS=@file:$T/secret/token
  wait_for 10 port_open "$port"
}

bot_faults() { curl -sf "$BOT/_faults" -d "$1" >/dev/null; }

chat() { curl -sf "$BOT/_messages" | jq -r "${1:-.messages}"; }

chat_file() { curl -sf "$BOT/_file/$1" -o "$2"; }
