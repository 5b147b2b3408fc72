#!/usr/bin/env bash
# Compares Millrace with MeZO in PyTorch on the same cores: the two take turns, and medians are reported.
#   bench/pytorch/compare.sh [-r ROUNDS] [-o RESULT.json] [-w WORK] [CASE...]
# Cases: 125m-8x128 125m-1x64 125m-1x64-low-rank 1.3b-4x128 125m-1x64-lora 125m-8x128-lora (all of them by default), and
# roberta-large-8x128 and roberta-large-64x32, a masked language model with a mask in each row. Beside first-order PyTorch, which
# recomputes layers as Millrace does or keeps all: 125m-8x128-adamw, the same with products of bfloat16 on both sides
# (125m-8x128-adamw-bf16), and 125m-8x128-hift over all groups of a cycle.
# PyTorch is installed with pip into WORK (a temporary folder by default, removed at the end), from pip's own index.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rounds=3
out=""
work=""
while getopts r:o:w: option; do
    case $option in
    r) rounds=$OPTARG ;;
    o) out=$OPTARG ;;
    w) work=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- 125m-8x128 125m-1x64 125m-1x64-low-rank 1.3b-4x128 125m-1x64-lora 125m-8x128-lora
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"
python=$work/env/bin/python
if ! "$python" -c 'import torch, transformers, peft' 2>/dev/null; then
    python3 -m venv "$work/env"
    "$work/env/bin/pip" install --quiet torch transformers peft safetensors
fi
millrace=${MILLRACE:-$root/millrace}

model() { # arch dtype: makes random weights of the true shapes once
    [ -f "$work/$1-$2/config.json" ] || "$millrace" synth --arch "$1" --dtype "$2" --out "$work/$1-$2" >&2
    printf '%s\n' "$work/$1-$2"
}

rows() { # length: 64 rows of random ids
    [ -f "$work/rows$1.jsonl" ] || "$python" - "$1" >"$work/rows$1.jsonl" <<'PY'
import json, random, sys
random.seed(1)
for _ in range(64):
    ids = [random.randrange(4, 50000) for _ in range(int(sys.argv[1]))]
    print(json.dumps({"input_ids": ids, "labels": ids}))
PY
    printf '%s\n' "$work/rows$1.jsonl"
}

masked_rows() { # length: 64 rows of random ids between RoBERTa's marks, with a mask and its label before the last of them
    [ -f "$work/masked$1.jsonl" ] || "$python" - "$1" >"$work/masked$1.jsonl" <<'PY'
import json, random, sys
random.seed(1)
for _ in range(64):
    words = [random.randrange(4, 50000) for _ in range(int(sys.argv[1]) - 3)]
    print(json.dumps({"input_ids": [0] + words + [50264, 2], "labels": [-100] * (len(words) + 1) + [words[0], -100]}))
PY
    printf '%s\n' "$work/masked$1.jsonl"
}

rows_for() { # arch length
    case $1 in
    roberta*) masked_rows "$2" ;;
    *) rows "$2" ;;
    esac
}

ours() { # case arch dtype batch length steps options...
    local name=$1 dir rows
    dir=$(model "$2" "$3") rows=$(rows_for "$2" "$5")
    rm -rf "$work/run"
    "$millrace" tune --model "$dir" --train "$rows" --out "$work/run" --steps "$6" --batch-size "$4" \
        --lr 1e-7 --no-shuffle "${@:7}" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    sed "s/^{/{\"case\":\"$name\",\"who\":\"millrace\",\"tokens\":$(($4 * $5)),/" "$work/run/metrics.jsonl" >>"$work/measured"
    rm -rf "$work/run"
}

theirs() { # case arch dtype batch length steps options...
    local dir rows
    dir=$(model "$2" "$3") rows=$(rows_for "$2" "$5")
    "$python" "$root/bench/pytorch/mezo.py" --model "$dir" --train "$rows" --dtype "$3" --batch-size "$4" --steps "$6" "${@:7}" \
        2>"$work/log" | sed "s/^{/{\"case\":\"$1\",\"who\":\"pytorch-$3${7:+-${7#--}}\",\"tokens\":$(($4 * $5)),/" >>"$work/measured"
}

theirs_with_gradients() { # case arch dtype batch length steps options...
    local dir rows
    dir=$(model "$2" "$3") rows=$(rows_for "$2" "$5")
    "$python" "$root/bench/pytorch/first_order.py" --model "$dir" --train "$rows" --dtype "$3" --batch-size "$4" --steps "$6" --warm 0 \
        "${@:7}" 2>"$work/log" |
        sed "s/^{/{\"case\":\"$1\",\"who\":\"pytorch-$3$([[ " ${*:7} " == *" --checkpoint "* ]] && echo -checkpoint)\",\"tokens\":$(($4 * $5)),/" \
            >>"$work/measured"
}

: >"$work/measured"
for ((round = 1; round <= rounds; round++)); do
    for case in "$@"; do
        echo "round $round of $rounds: $case" >&2
        case $case in
        125m-8x128)
            ours "$case" opt-125m float32 8 128 10
            theirs "$case" opt-125m float32 8 128 4
            ;;
        125m-1x64)
            ours "$case" opt-125m float32 1 64 40
            theirs "$case" opt-125m float32 1 64 6
            ;;
        125m-1x64-low-rank)
            ours "$case" opt-125m float32 1 64 40 --perturbation low-rank
            theirs "$case" opt-125m float32 1 64 6
            ;;
        1.3b-4x128)
            ours "$case" opt-1.3b bfloat16 4 128 5 --host-budget 627MiB --nvme-dir "$work/nvme"
            theirs "$case" opt-1.3b bfloat16 4 128 2
            theirs "$case" opt-1.3b float32 4 128 2
            ;;
        125m-1x64-lora)
            ours "$case" opt-125m float32 1 64 60 --tune lora
            theirs "$case" opt-125m float32 1 64 30 --lora 8
            theirs "$case" opt-125m float32 1 64 6
            ;;
        125m-8x128-lora)
            ours "$case" opt-125m float32 8 128 12 --tune lora
            theirs "$case" opt-125m float32 8 128 6 --lora 8
            ;;
        125m-8x128-adamw)
            ours "$case" opt-125m float32 8 128 8 --method adamw --micro-batch 8 --checkpoint-every 0
            theirs_with_gradients "$case" opt-125m float32 8 128 6 --method adamw --checkpoint
            theirs_with_gradients "$case" opt-125m float32 8 128 6 --method adamw
            ;;
        125m-8x128-adamw-bf16)
            ours "$case" opt-125m float32 8 128 12 --method adamw --micro-batch 8 --checkpoint-every 0 --matmul bf16
            theirs_with_gradients "$case" opt-125m float32 8 128 8 --method adamw --checkpoint --autocast
            theirs_with_gradients "$case" opt-125m float32 8 128 8 --method adamw --autocast
            ;;
        125m-8x128-hift)
            ours "$case" opt-125m float32 8 128 26 --method hift --micro-batch 8 --checkpoint-every 0
            theirs_with_gradients "$case" opt-125m float32 8 128 26 --method hift --checkpoint
            theirs_with_gradients "$case" opt-125m float32 8 128 26 --method hift
            ;;
        roberta-large-8x128)
            ours "$case" roberta-large float32 8 128 6
            theirs "$case" roberta-large float32 8 128 3 --masked
            ;;
        roberta-large-64x32)
            ours "$case" roberta-large float32 64 32 5
            theirs "$case" roberta-large float32 64 32 3 --masked
            ;;
        *)
            echo "compare.sh: no case $case" >&2
            exit 2
            ;;
        esac
    done
done

"$python" - "$work/measured" "${out:-/dev/null}" <<'PY'
import json, statistics, sys
warm = {"millrace": 0.5, "pytorch-float32": 0.25, "pytorch-bfloat16": 0.25, "pytorch-float32-lora": 0.25, "pytorch-float32-masked": 0.25}  # part of a run's steps that warm up
runs = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    if "step_seconds" in row:
        key = row["case"], row["who"]
        runs.setdefault(key, [])
        if row["step"] == 1:
            runs[key].append([])
        runs[key][-1].append(row["step_seconds"])
result = []
for (case, who), measured in runs.items():
    kept = [s for run in measured for s in run[max(1, int(len(run) * warm.get(who, 0.5))):]]
    result.append({"case": case, "who": who, "runs": len(measured), "steps": len(kept),
                   "median_seconds": statistics.median(kept), "fastest": min(kept), "slowest": max(kept)})
json.dump(result, open(sys.argv[2], "w"), indent=1)
print(f"{'case':20} {'who':18} {'runs':>4} {'steps':>5} {'median s':>9} {'fastest':>8} {'slowest':>8} {'ratio':>6}")
for row in result:
    mine = next(r for r in result if r["case"] == row["case"] and r["who"] == "millrace")
    print(f"{row['case']:20} {row['who']:18} {row['runs']:4} {row['steps']:5} {row['median_seconds']:9.3f} "
          f"{row['fastest']:8.3f} {row['slowest']:8.3f} {row['median_seconds'] / mine['median_seconds']:6.2f}")
PY
