#!/usr/bin/env python3
"""First-order tuning in PyTorch: the peer of tuning with gradients by blocks.

--method adamw: torch.optim.AdamW over all parameters (Loshchilov and Hutter 2019); sgd: torch.optim.SGD without momentum, as
LOMO's step (Lv et al. 2023) with all gradients held at once; hift: AdamW over one group of units a step, all else frozen (Liu et
al. 2024, "HiFT", algorithm 1), so that the way back ends at the group's lowest layer. Units are the embedding, each decoder
layer and the head; a tied head, with the last norm, belongs to the embedding. --checkpoint recomputes each decoder layer on the
way back (torch.utils.checkpoint) and so holds activations of one layer and the inputs of all. Everything is in memory, states of
groups that rest included. Prints one JSON line a step; the first --warm lines are no measurement.
"""
import argparse
import functools
import json
import resource
import time

import torch
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModelForCausalLM

# OPT-125M (Zhang et al. 2022, table 1), for --model opt-125m: random weights of the true shapes.
OPT_125M = dict(vocab_size=50272, hidden_size=768, num_hidden_layers=12, ffn_dim=3072, num_attention_heads=12,
                max_position_embeddings=2048, word_embed_proj_dim=768, do_layer_norm_before=True,
                activation_function="relu", tie_word_embeddings=True)


def load(name, dtype):
    if name != "opt-125m":
        return AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("opt", **OPT_125M), dtype=dtype)


def decoder_layers(model):
    """The list of equal blocks, whatever a family calls it: the longest list of modules."""
    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]
    return max(lists, key=len)


def recompute(layers):
    for layer in layers:
        layer.forward = functools.partial(checkpoint, layer.forward, use_reentrant=False)


def units_of(model, layers):
    """Lists of parameters: embedding, layers from the bottom, head; of a tied head the first has the last's."""
    inner = [list(layer.parameters()) for layer in layers]
    known = {id(parameter) for unit in inner for parameter in unit}
    embedding, head = [], []
    output = model.get_output_embeddings()
    tied = output.weight is model.get_input_embeddings().weight
    for name, parameter in model.named_parameters():
        if id(parameter) not in known:
            known.add(id(parameter))
            (embedding if tied or "embed" in name or "wte" in name or "wpe" in name else head).append(parameter)
    return [unit for unit in [embedding, *inner, head] if unit]


def groups_of(units, size, order):
    """Fixed groups of so many units, the last one short."""
    if order == "random":
        units = [units[i] for i in torch.randperm(len(units), generator=torch.Generator().manual_seed(1))]
    elif order == "top-down":
        units = units[::-1]
    return [sum(units[i:i + size], []) for i in range(0, len(units), size)]


def optimizer_of(parameters, given):
    """Matrices decay, vectors do not."""
    if given.method == "sgd":
        return torch.optim.SGD(parameters, lr=given.lr)
    split = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": given.weight_decay},
             {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in split if group["params"]], lr=given.lr)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", required=True, help="a folder, or opt-125m for random weights of its shapes")
    options.add_argument("--train", required=True, help="JSONL with input_ids and labels, all of one length")
    options.add_argument("--method", choices=["adamw", "sgd", "hift"], default="adamw")
    options.add_argument("--checkpoint", action="store_true", help="recompute each decoder layer on the way back")
    options.add_argument("--autocast", action="store_true", help="products of bfloat16 over weights of --dtype (torch.autocast)")
    options.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options.add_argument("--batch-size", type=int, default=8)
    options.add_argument("--steps", type=int, default=4, help="measured ones")
    options.add_argument("--warm", type=int, default=1, help="steps before these")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--lr", type=float, default=1e-5)
    options.add_argument("--weight-decay", type=float, default=0.01)
    options.add_argument("--group", type=int, default=1, help="units a step, of hift")
    options.add_argument("--order", choices=["bottom-up", "top-down", "random"], default="bottom-up", help="of hift")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    # eval: no dropout, as Millrace has none
    model = load(given.model, getattr(torch, given.dtype)).eval()
    layers = decoder_layers(model)
    if given.checkpoint:
        recompute(layers)
    parameters = list(model.parameters())
    groups = groups_of(units_of(model, layers), given.group, given.order) if given.method == "hift" else [parameters]
    optimizers = [optimizer_of(group, given) for group in groups]
    rows = [json.loads(line) for line in open(given.train)]
    for step in range(1, given.warm + given.steps + 1):
        first = (step - 1) * given.batch_size
        batch = [rows[i % len(rows)] for i in range(first, first + given.batch_size)]
        ids = torch.tensor([row["input_ids"] for row in batch])
        labels = torch.tensor([row["labels"] for row in batch])
        began = time.perf_counter()
        turn = (step - 1) % len(groups)
        if len(groups) > 1:
            for parameter in parameters:
                parameter.requires_grad_(False)
            for parameter in groups[turn]:
                parameter.requires_grad_(True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=given.autocast):
            loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        optimizers[turn].step()
        optimizers[turn].zero_grad(set_to_none=True)
        ended = time.perf_counter()
        print(json.dumps({"step": step, "warm": step <= given.warm, "loss": loss.item(), "group": turn,
                          "step_seconds": ended - began, "forward_seconds": forward - began,
                          "backward_seconds": backward - forward, "update_seconds": ended - backward,
                          "tokens": ids.numel(), "tokens_per_second": ids.numel() / (ended - began),
                          "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), flush=True)


if __name__ == "__main__":
    main()
