// The loss of each row over panels of the vocabulary, so that no matrix of all logits exists.
#include "common.cuh"

// What remains of a row after the panels so far; 16 bytes, read by HeadLosses.java.
struct RowLoss {
    double sum; // of exp(logit - largest)
    float largest;
    float target; // the target's logit
};

struct LossArgs {
    const float *logits; // [scale][rows][width]
    const i32 *targets; // the id that each row should predict
    RowLoss *losses; // [scale][rows]
    u64 stride; // elements from a scale's logits to the next
    u64 rowStride;
    u64 lossStride; // rows from a scale's losses to the next
    u32 width; // of the panel
    u32 firstId;
    u32 first; // whether no panel went before
    float cap; // of cap * tanh(x / cap), 0 for none
};

__device__ __forceinline__ float capped(float x, float cap, float inverse) {
    return cap == 0.0f ? x : __fmul_rn(tanh_any(__fmul_rn(x, inverse)), cap);
}

// A block takes one row of one scale. grid: (rows, scales)
extern "C" __global__ void __launch_bounds__(256) millrace_loss(LossArgs args) {
    u32 row = blockIdx.x;
    u32 scale = blockIdx.y;
    u64 place = scale * args.stride + row * args.rowStride;
    u32 step = blockDim.x * PER_THREAD;
    float inverse = args.cap == 0.0f ? 0.0f : __fdiv_rn(1.0f, args.cap);
    float values[PER_THREAD];
    float top = -__uint_as_float(0x7F800000u);
    for (u32 at = threadIdx.x * PER_THREAD; at < args.width; at += step) {
        u32 count = args.width - at < PER_THREAD ? args.width - at : PER_THREAD;
        load_eight(args.logits, F32, place + at, count, values);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            top = i < count ? larger(top, capped(values[i], args.cap, inverse)) : top;
        }
    }
    top = block_max(top);
    float sum = 0.0f;
    for (u32 at = threadIdx.x * PER_THREAD; at < args.width; at += step) {
        u32 count = args.width - at < PER_THREAD ? args.width - at : PER_THREAD;
        load_eight(args.logits, F32, place + at, count, values);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float weight = exp_up_to_0(__fsub_rn(capped(values[i], args.cap, inverse), top));
            sum = i < count ? __fadd_rn(sum, weight) : sum;
        }
    }
    sum = block_sum(sum);
    if (threadIdx.x != 0) {
        return;
    }
    RowLoss *loss = args.losses + scale * args.lossStride + row;
    RowLoss old = *loss;
    if (args.first != 0) {
        old = RowLoss{0.0, top, 0.0f};
    }
    float largest = larger(old.largest, top);
    double before = old.sum * static_cast<double>(exp_up_to_0(__fsub_rn(old.largest, largest)));
    double now = static_cast<double>(sum) * static_cast<double>(exp_up_to_0(__fsub_rn(top, largest)));
    u32 column = static_cast<u32>(args.targets[row]) - args.firstId;
    if (column < args.width) {
        old.target = capped(args.logits[place + column], args.cap, inverse);
    }
    *loss = RowLoss{before + now, largest, old.target};
}
MILLRACE_KERNEL(millrace_loss)
