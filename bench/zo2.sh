#!/usr/bin/env bash
# Runs the published ZO2 code on this machine's GPU at the configurations of gpu.sh and prints the
# ratios. ZO2 is not part of Millrace: name a checkout of github.com/liangyuwang/zo2 whose
# requirements are installed for the python3 on the path.
#   ./zo2.sh CHECKOUT [--results DIR] [--models opt_1_3b,...] [--steps N] [--dtype bf16|fp16]
# DIR holds the gpu.json of gpu.sh; zo2.json is written there.
set -euo pipefail

fail() {
    printf 'zo2.sh: %s\n' "$1" >&2
    exit "$2"
}

[ -d "${1:-}" ] || fail "name a checkout of ZO2" 2
checkout=$(realpath "$1")
shift
results=$PWD/millrace-gpu-results
models=opt_1_3b,opt_6_7b,opt_13b,opt_30b
steps=30
dtype=bf16
length=2048
card=0
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value" 2
    case $1 in
    --results) results=$2 ;;
    --models) models=$2 ;;
    --steps) steps=$2 ;;
    --dtype) dtype=$2 ;;
    *) fail "what is $1?" 2 ;;
    esac
    shift 2
done
script=test/mezo_sgd/hf_opt/test_speed.py
[ -f "$checkout/$script" ] || fail "$checkout/$script is missing; is this a checkout of ZO2?" 2
command -v python3 >/dev/null || fail "python3 is missing" 2
command -v nvidia-smi >/dev/null || fail "nvidia-smi is missing" 2
mkdir -p "$results"

used() {
    nvidia-smi --id=$card --query-gpu=memory.used --format=csv,noheader,nounits "$@"
}

cd "$checkout"
lines=$results/zo2.tsv
: >"$lines"
for model in ${models//,/ }; do
    echo "zo2: $model" >&2
    log=$results/zo2-$model.log
    before=$(used)
    # As our own runs are watched: the card's memory, five times a second.
    used -lms 200 >"$results/zo2-$model.mib" &
    watcher=$!
    status=0
    CUDA_VISIBLE_DEVICES=$card python3 "$script" --model_name "$model" --task causalLM \
        --zo_method zo2 --max_steps "$steps" --model_dtype "$dtype" --batch_size 1 \
        --sequence_length $length >"$log" 2>&1 || status=$?
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    [ "$status" -eq 0 ] || echo "zo2: $model ended with $status; see $log" >&2
    peak=$(sort -n "$results/zo2-$model.mib" | tail -n 1)
    printf '%s\t%s\t%s\t%s\n' "$model" "$status" "$((peak - before))" "$log" >>"$lines"
done

python3 - "$results" "$length" "$dtype" <<'PYTHON'
import json, pathlib, re, statistics, sys

folder, length, dtype = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
theirs = {}
for line in (folder / "zo2.tsv").read_text().splitlines():
    model, status, mib, log = line.split("\t")
    text = pathlib.Path(log).read_text(errors="replace")
    rates = [float(x) for x in re.findall(r"([0-9.]+) tok/s", text)]
    late = rates[len(rates) // 2:]  # the second half, as its own scripts take it
    theirs[model] = {
        "exit": int(status),
        "tokens_per_second": statistics.median(late) if late else None,
        "peak_device_bytes": int(mib) << 20,
    }
(folder / "zo2.json").write_text(json.dumps(
    {"sequence_length": length, "dtype": dtype, "runs": theirs}, indent=2) + "\n")
ours = {}
if (folder / "gpu.json").exists():
    report = json.loads((folder / "gpu.json").read_text())
    if report["sequence_length"] == length:
        for run in report["runs"]:
            if run.get("batch") == 1 and "tokens_per_second" in run:
                ours[run["model"].replace("-", "_").replace(".", "_")] = run
print("| model | ZO2 tokens/s | Millrace tokens/s | ratio | ZO2 device GB | Millrace device GB | ratio |")
print("|---|---|---|---|---|---|---|")
for model, zo2 in theirs.items():
    mine = ours.get(model, {})
    cells = []
    for field, unit, form in (("tokens_per_second", 1, "%.1f"), ("peak_device_bytes", 1e9, "%.2f")):
        a, b = zo2.get(field), mine.get(field)
        cells += [form % (a / unit) if a else "-", form % (b / unit) if b else "-",
                  "%.2f" % (b / a) if a and b else "-"]
    print("| " + " | ".join([model] + cells) + " |")
PYTHON
