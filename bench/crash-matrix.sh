#!/usr/bin/env bash
# Kills runs again and again under changing placements, some of them on a drive with faults, and says
# how many it survived:
#   bench/crash-matrix.sh [KILLS] [SEED]      500 kills unless told otherwise, about 3 s each
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
kills=${1:-500}
seed=${2:+-Dtest.seed=$2}
./mvnw -B -pl cli -am test -Dtest=CrashMatrixTest -Dsurefire.failIfNoSpecifiedTests=false \
    -Dtest.legs="$kills" ${seed:-} | grep -E '^crash matrix|Tests run|ERROR'
