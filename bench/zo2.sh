#!/usr/bin/env bash
# Runs the published ZO2 code on this machine's GPU at the configurations of gpu.sh and prints the
# ratios. ZO2 is not part of Millrace: name a checkout of github.com/liangyuwang/zo2 whose
# requirements are installed for the python3 on the path.
#   ./zo2.sh CHECKOUT [--results DIR] [--models opt_1_3b,...] [--steps N] [--dtype bf16|fp16]
#            [--card N] [--minutes M]
# DIR holds the gpu.json of gpu.sh; zo2.json is written there after each model. A model that fails
# or takes more than M minutes (60) is noted, and the next one runs.
set -euo pipefail

fail() {
    printf 'zo2.sh: %s\n' "$1" >&2
    exit "$2"
}

case ${1:-} in
-h | --help)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac
[ -d "${1:-}" ] || fail "name a checkout of ZO2" 2
checkout=$(realpath "$1")
shift
results=$PWD/millrace-gpu-results
models=opt_1_3b,opt_6_7b,opt_13b,opt_30b
steps=30
dtype=bf16
length=2048
minutes=60
card=${CUDA_VISIBLE_DEVICES:-0}
card=${card%%,*}
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value" 2
    case $1 in
    --results) results=$2 ;;
    --models) models=$2 ;;
    --steps) steps=$2 ;;
    --dtype) dtype=$2 ;;
    --card) card=$2 ;;
    --minutes) minutes=$2 ;;
    *) fail "what is $1?" 2 ;;
    esac
    shift 2
done
script=test/mezo_sgd/hf_opt/test_speed.py
[ -f "$checkout/$script" ] || fail "$checkout/$script is missing; is this a checkout of ZO2?" 2
command -v python3 >/dev/null || fail "python3 is missing" 2
command -v nvidia-smi >/dev/null || fail "nvidia-smi is missing" 2
mkdir -p "$results"
results=$(realpath "$results")

# Cards are numbered as nvidia-smi numbers them.
export CUDA_DEVICE_ORDER=PCI_BUS_ID
export CUDA_VISIBLE_DEVICES=$card
# Its own script finds the package only where the checkout's folder is called zo2.
export PYTHONPATH=$checkout${PYTHONPATH:+:$PYTHONPATH}
cd "$checkout"
python3 -c 'import pynvml, torch, transformers, zo2' ||
    fail "ZO2 cannot be imported; install its requirements.txt for this python3" 2

# Mebibytes of the card that are in use; nothing where it does not tell.
used() {
    nvidia-smi --id="$card" --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null |
        grep -E '^[0-9]+$' || true
}

# The results so far as JSON, and as a table beside those of gpu.sh.
report() {
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
        "peak_device_bytes": int(mib) << 20 if mib else None,
    }
(folder / "zo2.json").write_text(json.dumps(
    {"sequence_length": length, "dtype": dtype, "runs": theirs}, indent=2) + "\n")
names = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
ours = {}
if (folder / "gpu.json").exists():
    report = json.loads((folder / "gpu.json").read_text())
    if report["sequence_length"] == length and report.get("dtype") == names.get(dtype):
        for run in report["runs"]:
            if run.get("batch") == 1 and "tokens_per_second" in run:
                ours[run["model"].replace("-", "_").replace(".", "_")] = run
    else:
        print("gpu.json is of another length or dtype: no ratios")
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
}

lines=$results/zo2.tsv
: >"$lines"
watcher=
trap '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true' EXIT
failed=no
for model in ${models//,/ }; do
    echo "zo2: $model" >&2
    log=$results/zo2-$model.log
    mib=$results/zo2-$model.mib
    before=$(used)
    # As our own runs are watched: the card's memory, about five times a second.
    while :; do
        used
        sleep 0.15
    done >"$mib" &
    watcher=$!
    status=0
    timeout --kill-after=30 "$((minutes * 60))" \
        python3 "$script" --model_name "$model" --task causalLM \
        --zo_method zo2 --max_steps "$steps" --model_dtype "$dtype" --batch_size 1 \
        --sequence_length "$length" >"$log" 2>&1 || status=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    watcher=
    if [ "$status" -ne 0 ]; then
        failed=yes
        echo "zo2: $model ended with $status; see $log" >&2
    fi
    peak=$(sort -n "$mib" | tail -n 1)
    beyond=
    [ -z "$peak" ] || [ -z "$before" ] || beyond=$((peak - before))
    printf '%s\t%s\t%s\t%s\n' "$model" "$status" "$beyond" "$log" >>"$lines"
    report >"$results/zo2.md"
done
cat "$results/zo2.md"
[ "$failed" = no ] || exit 1
