#!/usr/bin/env bash
# Checks and measures Millrace on the GPU of this machine, from an unpacked bundle and without a
# network: the tests that need a card, then copies, matrix products and whole runs.
#   ./gpu.sh [--work DIR] [--device cuda:N] [--checks-only|--skip-checks] [BENCHMARK OPTION VALUE]...
# Options of the benchmark: --models A,B --budgets X,Y --seq-len T --steps N --largest-batch B
# --host-budget SIZE --dtype D --matmul NAME --keep-models yes --run-minutes M.
# DIR takes the models: up to 4 x the largest one. Whatever fails, the rest is still measured; the
# exit status then is 1.
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
        sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
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
mkdir -p "$work" || fail "$work cannot be made; give a --work on a drive with room" 2
work=$(realpath "$work")

# Cards are numbered as nvidia-smi numbers them.
export CUDA_DEVICE_ORDER=PCI_BUS_ID

# CUDA 13's libraries may lie outside the loader's path: in a toolkit, or in Python's packages.
known=$(ldconfig -p 2>/dev/null || true)
python=$(python3 -c 'import sys; print(sys.prefix)' 2>/dev/null || echo /nowhere)
for library in libcudart.so.13 libcublasLt.so.13 libcublas.so.13 libnvrtc.so.13; do
    if [[ $known != *"$library "* ]]; then
        found=$(find /usr/local/cuda* /opt/cuda* "${HOME:-/root}"/.local/lib /usr/lib/python3* \
            /usr/local/lib/python3* "$python/lib" "${VIRTUAL_ENV:-/nowhere}" \
            "${CONDA_PREFIX:-/nowhere}" -name "$library" -print -quit 2>/dev/null || true)
        if [ -n "$found" ]; then
            LD_LIBRARY_PATH=$(dirname "$found")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
        fi
    fi
done
# An empty part of this path would be the current folder.
if [ -n "${LD_LIBRARY_PATH:-}" ]; then
    export LD_LIBRARY_PATH
fi

java=("$here/jdk/bin/java" "@$here/config/jvm.args" "-Dmillrace.home=$here")
{
    date -u +%Y-%m-%dT%H:%M:%SZ
    printf 'commit %s\n' "$(cat "$here/COMMIT")"
    uname -srm
    printf '%s cores, %s kB of memory\n' "$(nproc)" "$(awk '/MemTotal/ {print $2}' /proc/meminfo)"
    df -h "$work" | tail -n 1
    printf 'memory that may be locked, kB: %s\n' "$(ulimit -l)"
    nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max \
        --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
    printf 'CUDA_VISIBLE_DEVICES=%s\n' "${CUDA_VISIBLE_DEVICES:-}"
    printf 'LD_LIBRARY_PATH=%s\n' "${LD_LIBRARY_PATH:-}"
} | tee "$work/machine.txt"

failed=""
if [ "$checks" = yes ] && [[ $device == cuda:* ]]; then
    echo "checks: the tests that need a card"
    tests=$(printf '%s:' "$here"/tests/*)
    "${java[@]}" -Xmx3g -ea -Dgpu.required=true \
        -cp "${tests}$here/lib/*:$here/test-lib/*" \
        org.junit.platform.console.ConsoleLauncher execute --disable-banner --details=tree \
        --include-tag=gpu --fail-if-no-tests --scan-classpath="${tests%:}" \
        2>&1 | tee "$work/checks.txt" || failed="a check failed; see $work/checks.txt"
    [ -z "$failed" ] || printf 'gpu.sh: %s\n' "$failed" >&2
fi
if [ "$benchmark" = yes ]; then
    "${java[@]}" -Xmx1g -cp "$here/lib/*" io.millrace.bench.GpuBenchmark \
        --millrace "$here/millrace" --work "$work" --device "$device" "${options[@]}" \
        | tee "$work/table.md" || failed=${failed:+$failed; }"a run failed; see $work/gpu.json"
fi
[ -z "$failed" ] || fail "$failed" 1
