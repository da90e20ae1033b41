#!/bin/sh
# Runs a throw-away server and ends it, with its folder, when the process that started it is gone.
# Standard input is a pipe from that process. Nothing is ever written to it; it closes when the
# process ends, by whatever means, kill -9 included.
folder=$1
shift
# A job in the background gets /dev/null as standard input, so the pipe is kept as descriptor 3.
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ read -r _ <&3; kill -QUIT "$server"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
rm -rf "$folder"
exit "$status"
