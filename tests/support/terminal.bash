# Programs that take the whole terminal, in tmux: loaded after common.
#
#   screen_start NAME WIDTHxHEIGHT COMMAND...   runs it in a terminal of that size
#   screen_text NAME                            what the terminal shows
#   screen_keys NAME KEY...                     types keys (tmux's names of them)
#   screen_shows NAME WORD                      for wait_for

screen_tmux() {
  local name=$1
  shift
  TMUX='' tmux -S "$T/$name.tmux" -f /dev/null "$@"
}

screen_start() {
  local name=$1 size=$2
  shift 2
  # A shell stays behind it: what the program leaves of the terminal can be seen.
  env TERM=xterm-256color TMUX= tmux -S "$T/$name.tmux" -f /dev/null new-session -d -x "${size%x*}" -y "${size#*x}" \
    "$(printf '%q ' "$@"); echo ended \$?; stty -a | tr ' ' '\\n' | grep -x -e -icanon -e -echo; exec sleep 1000" 3>&- 4>&-
}
screen_text() { screen_tmux "$1" capture-pane -p; }
screen_keys() {
  local name=$1
  shift
  screen_tmux "$name" send-keys "$@"
}
screen_shows() { screen_text "$1" | grep -q -- "$2"; }
