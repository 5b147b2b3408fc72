// What is trained beside a model: thin factors as products take them, scales of columns, and rows of virtual tokens.
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

struct BesideVirtualArgs {
    void *states; // [scale][rows]
    const float *table; // [scale][tokens][width]
    const i32 *starts; // first row of each sequence
    u64 stride; // elements from a scale's states to the next
    u64 rowStride;
    u32 sequences;
    u32 tokens; // virtual ones, the first of each sequence
    u32 width;
    u32 part; // numbers of a row of the table that lie together
    u32 column; // of the first part
    u32 columnStride; // from a part to the next
    u32 type;
    float factor;
};

// A thread takes a number. grid: (ceil(sequences * tokens * width / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_beside_virtual(BesideVirtualArgs args) {
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 numbers = static_cast<u64>(args.tokens) * args.width;
    if (item >= args.sequences * numbers) {
        return;
    }
    u64 number = item % numbers;
    u32 at = static_cast<u32>(number % args.width);
    u64 row = static_cast<u64>(args.starts[item / numbers]) + number / args.width;
    u64 column = args.column + static_cast<u64>(at / args.part) * args.columnStride + at % args.part;
    float value = __fmul_rn(args.factor, args.table[blockIdx.y * numbers + number]);
    store_one(args.states, static_cast<Type>(args.type), blockIdx.y * args.stride + row * args.rowStride + column, value);
}
MILLRACE_KERNEL(millrace_beside_virtual)
