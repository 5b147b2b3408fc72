#!/usr/bin/env python3
"""MeZO-SGD in PyTorch, as its authors run it: the peer of compare.sh.

Per step (Malladi et al. 2023, algorithm 1): perturb all parameters in place by +eps z, forward, by -2 eps z,
forward, by +eps z, then update, each time making z anew from the step's seed. Everything is in memory, and no
gradients are kept. Prints one JSON line a step.
"""
import argparse
import json
import time

import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM


def shift(parameters, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        z = torch.normal(0.0, 1.0, parameter.shape, generator=generator, dtype=parameter.dtype)
        parameter.add_(z, alpha=scale)


def loss_of(model, ids, labels, masked):
    """The mean loss; of a masked model the head sees the masks alone, as in MeZO's code for RoBERTa."""
    if not masked:
        return model(input_ids=ids, labels=labels, use_cache=False).loss
    asked = labels != -100
    logits = model.lm_head(model.base_model(input_ids=ids).last_hidden_state[asked])
    return torch.nn.functional.cross_entropy(logits.float(), labels[asked])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", required=True)
    options.add_argument("--train", required=True, help="JSONL with input_ids and labels, all of one length")
    options.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options.add_argument("--batch-size", type=int, default=8)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--lr", type=float, default=1e-7)
    options.add_argument("--eps", type=float, default=1e-3)
    options.add_argument("--lora", type=int, default=0, metavar="RANK",
                         help="perturb PEFT's LoRA beside q_proj and v_proj alone")
    options.add_argument("--masked", action="store_true",
                         help="a masked language model (RoBERTa), whose labels are in their own places")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    kind = AutoModelForMaskedLM if given.masked else AutoModelForCausalLM
    model = kind.from_pretrained(given.model, dtype=getattr(torch, given.dtype)).eval()
    if given.lora:
        from peft import LoraConfig, get_peft_model
        targets = ["q_proj", "v_proj"]
        model = get_peft_model(model, LoraConfig(r=given.lora, lora_alpha=16, target_modules=targets)).eval()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    rows = [json.loads(line) for line in open(given.train)]
    with torch.inference_mode():
        for step in range(1, given.steps + 1):
            first = (step - 1) * given.batch_size
            batch = [rows[i % len(rows)] for i in range(first, first + given.batch_size)]
            ids = torch.tensor([row["input_ids"] for row in batch])
            labels = torch.tensor([row["labels"] for row in batch])
            began = time.perf_counter()
            shift(parameters, step, given.eps)
            forwards = time.perf_counter()
            plus = loss_of(model, ids, labels, given.masked).item()
            forwards = time.perf_counter() - forwards
            shift(parameters, step, -2 * given.eps)
            again = time.perf_counter()
            minus = loss_of(model, ids, labels, given.masked).item()
            forwards += time.perf_counter() - again
            shift(parameters, step, given.eps)
            slope = (plus - minus) / (2 * given.eps)
            shift(parameters, step, -given.lr * slope)
            seconds = time.perf_counter() - began
            print(json.dumps({"step": step, "loss": (plus + minus) / 2, "projected_grad": slope,
                              "step_seconds": seconds, "forward_seconds": forwards}), flush=True)


if __name__ == "__main__":
    main()
