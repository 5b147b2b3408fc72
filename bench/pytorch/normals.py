"""Values a second that PyTorch draws on one thread: python normals.py (any environment with torch)."""
import statistics
import time

import torch

torch.set_num_threads(1)
tile = torch.empty(1 << 16)
generator = torch.Generator().manual_seed(1)
draws = {
    "normal_": lambda: tile.normal_(generator=generator),
    "signs by bernoulli_": lambda: tile.bernoulli_(0.5, generator=generator).mul_(2).sub_(1),
}
for name, draw in draws.items():
    rates = []
    for _ in range(7):
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < 0.5:
            draw()
            count += 1
        rates.append(count * tile.numel() / (time.perf_counter() - begin) / 1e9)
    print(f"torch {torch.__version__} {name}: {statistics.median(rates):.3f} G values/s ({min(rates):.3f} to {max(rates):.3f})")
