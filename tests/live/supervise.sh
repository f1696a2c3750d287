#!/bin/sh
# Runs a program until standard input ends: supervise.sh FOLDER PROGRAM [ARG…]
#
# The tests hold the other end of standard input, so however they end (success, panic or SIGKILL), the program ends and
# its folder is removed. Its output is in FOLDER.log, which is kept only if the program ended by itself.
folder=$1
shift
exec 3<&0
"$@" >"$folder.log" 2>&1 </dev/null 3<&- &
program=$!
{
  cat >/dev/null
  kill -KILL "$program"
} <&3 3<&- 2>/dev/null &
watcher=$!
wait "$program" 2>/dev/null
status=$?
# 128 + SIGKILL: the watcher ended it.
if [ "$status" -eq 137 ]; then
  rm -f "$folder.log"
else
  kill "$watcher"
fi
rm -rf "$folder"
