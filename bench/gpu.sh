#!/usr/bin/env bash
# Checks and measures Millrace on the GPU of this machine, from an unpacked bundle and without a
# network: the tests that need a card, then copies, matrix products and whole runs.
#   ./gpu.sh [--work DIR] [--device cuda:N] [--checks-only|--skip-checks] [BENCHMARK OPTION VALUE]...
# Options of the benchmark: --models A,B --budgets X,Y --seq-len T --steps N --largest-batch B
# --host-budget SIZE --dtype D --keep-models yes. DIR takes the models: up to 4 x the largest one.
set -euo pipefail

here=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
work=$PWD/millrace-gpu-results
device=cuda:0
checks=yes
benchmark=yes
options=()

fail() {
    printf 'gpu.sh: %s\n' "$1" >&2
    exit "$2"
}

while [ $# -gt 0 ]; do
    case $1 in
    --checks-only) benchmark=no && shift && continue ;;
    --skip-checks) checks=no && shift && continue ;;
    -h | --help)
        sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    esac
    [ $# -ge 2 ] || fail "$1 needs a value" 2
    case $1 in
    --work) work=$2 ;;
    --device) device=$2 ;;
    --*) options+=("$1" "$2") ;;
    *) fail "what is $1? see --help" 2 ;;
    esac
    shift 2
done
[ -x "$here/jdk/bin/java" ] || fail "$here is no unpacked bundle; make one with bench/bundle.sh" 2
mkdir -p "$work"
work=$(realpath "$work")

# CUDA 13's libraries may lie outside the loader's path: in a toolkit, or in Python's packages.
for library in libcudart.so.13 libcublasLt.so.13 libnvrtc.so.13; do
    if ! ldconfig -p 2>/dev/null | grep -q "$library"; then
        found=$(find /usr/local/cuda* /opt/cuda* "${HOME:-/root}"/.local/lib /usr/lib/python3* \
            /usr/local/lib/python3* "${VIRTUAL_ENV:-/nowhere}" "${CONDA_PREFIX:-/nowhere}" \
            -name "$library" -print -quit 2>/dev/null || true)
        [ -z "$found" ] || LD_LIBRARY_PATH=$(dirname "$found")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    fi
done
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}

java=("$here/jdk/bin/java" "@$here/config/jvm.args" "-Dmillrace.home=$here")
{
    date -u +%Y-%m-%dT%H:%M:%SZ
    printf 'commit %s\n' "$(cat "$here/COMMIT")"
    uname -srm
    printf '%s cores, %s kB of memory\n' "$(nproc)" "$(awk '/MemTotal/ {print $2}' /proc/meminfo)"
    df -h "$work" | tail -n 1
    ulimit -l | sed 's/^/memory that may be locked, kB: /'
    nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max \
        --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
    printf 'LD_LIBRARY_PATH=%s\n' "$LD_LIBRARY_PATH"
} | tee "$work/machine.txt"

if [ "$checks" = yes ] && [[ $device == cuda:* ]]; then
    echo "checks: the tests that need a card"
    tests=$(printf '%s:' "$here"/test-lib/millrace-*-tests.jar)
    "${java[@]}" -Xmx3g -ea -Dgpu.required=true -cp "$here/lib/*:$here/test-lib/*" \
        org.junit.platform.console.ConsoleLauncher execute --disable-banner --details=tree \
        --include-tag=gpu --fail-if-no-tests \
        --scan-classpath="${tests%:}" \
        2>&1 | tee "$work/checks.txt" || fail "a check failed; see $work/checks.txt" 1
fi
if [ "$benchmark" = yes ]; then
    "${java[@]}" -Xmx1g -cp "$here/lib/*" io.millrace.bench.GpuBenchmark \
        --millrace "$here/millrace" --work "$work" --device "$device" "${options[@]}" \
        | tee "$work/table.md"
fi
