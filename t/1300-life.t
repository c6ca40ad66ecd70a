#!/bin/bash
# The table of a job's life: a real mongod does with it what the model of t/unit/life.c does.
. "$(dirname "$0")/lib.sh"
stack_test "mongo" "$@"
"$B/t/life-mongo"
