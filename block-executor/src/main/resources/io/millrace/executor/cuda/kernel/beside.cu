// What is trained beside a model: thin factors as products take them, and scales of columns.
#include "common.cuh"

struct BesideTurnArgs {
    const float *in; // [scale][rows][rank]
    float *out; // [scale][rank][rows]
    u64 rows;
    u32 rank;
    float factor;
};

// The second factor of a LoRA, turned, times what the product is scaled by: one rounding an element.
// grid: (ceil(rows * rank / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_beside_turn(BesideTurnArgs args) {
    u64 elements = args.rows * args.rank;
    u64 element = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (element >= elements) {
        return;
    }
    u64 from = blockIdx.y * elements + element / args.rows + element % args.rows * args.rank;
    args.out[blockIdx.y * elements + element] = __fmul_rn(args.factor, args.in[from]);
}
MILLRACE_KERNEL(millrace_beside_turn)

struct BesideScaleArgs {
    void *states; // [scale][rows], from the first column on
    const float *factors; // [scale][width]
    u64 stride; // elements from a scale's states to the next
    u64 rowStride;
    u32 rows;
    u32 width;
    u32 type;
    u32 unused; // arguments are whole 8-byte words
};

// A thread takes eight columns of a row. grid: (ceil(rows * ceil(width / 8) / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_beside_scale(BesideScaleArgs args) {
    u32 pieces = (args.width + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 row = item / pieces;
    if (row >= args.rows) {
        return;
    }
    Type type = static_cast<Type>(args.type);
    u32 column = static_cast<u32>(item % pieces) * PER_THREAD;
    u32 count = args.width - column < PER_THREAD ? args.width - column : PER_THREAD;
    u64 place = blockIdx.y * args.stride + row * args.rowStride + column;
    float states[PER_THREAD];
    float factors[PER_THREAD];
    load_eight(args.states, type, place, count, states);
    load_eight(args.factors, F32, static_cast<u64>(blockIdx.y) * args.width + column, count, factors);
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        states[i] = __fmul_rn(states[i], factors[i]);
    }
    store_eight(args.states, type, place, count, states);
}
MILLRACE_KERNEL(millrace_beside_scale)
