#!/usr/bin/env bash
# sent.sh ARGUMENTS...: stream-simulcast -q with them until its destination has been live for a moment, for scarce.py; its
# exit code. What fails may keep it from that for so long that it is ended without.
source "${BASH_SOURCE[0]%/*}/short_run.bash"
! begin destination.live stream-simulcast -q "$@" || sleep 0.5
end
