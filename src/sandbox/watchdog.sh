#!/bin/sh
# Runs a throw-away server and ends it, with its folder, when the process that started it is gone.
# Standard input is a pipe from that process. It closes when the process ends, by whatever means,
# kill -9 included; only a line that says `keep` before lets the server live on.
folder=$1
shift
# A job in the background gets /dev/null as standard input, so the pipe is kept as descriptor 3.
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ read -r word <&3; [ "$word" = keep ] || kill -QUIT "$server"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
status=$?
# A watcher that has let go ended long ago: its number may belong to another process by now.
[ -e "$folder/kept" ] || kill "$watcher" 2>/dev/null
rm -rf "$folder"
exit "$status"
