// What is trained beside a model: thin factors as products take them, scales of columns, and rows of virtual tokens.
#include "common.cuh"

struct BesideTurnArgs {
    const float *in; // [scale][rows][rank]
    float *out; // [scale][rank][rows]
    u64 inStride; // floats from a scale's to the next
    u64 outStride;
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
    u64 from = blockIdx.y * args.inStride + element / args.rows + element % args.rows * args.rank;
    args.out[blockIdx.y * args.outStride + element] = __fmul_rn(args.factor, args.in[from]);
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

struct BesideContractArgs {
    const float *left; // [scale][rows][rank]
    const float *right; // [scale][rank][columns]
    float *out; // [scale][rows][columns]
    u64 stride; // floats from a scale's to the next, of all three
    u64 rows;
    u32 rank;
    u32 columns;
};

// A product of two cores of a train, or of several and one; each sum from 0 on, rank by rank.
// grid: (ceil(rows * columns / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_beside_contract(BesideContractArgs args) {
    u64 element = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (element >= args.rows * args.columns) {
        return;
    }
    u64 own = blockIdx.y * args.stride;
    const float *left = args.left + own + element / args.columns * args.rank;
    const float *right = args.right + own + element % args.columns;
    float sum = 0.0f;
    for (u32 j = 0; j < args.rank; j++) {
        sum = __fmaf_rn(left[j], right[static_cast<u64>(j) * args.columns], sum);
    }
    args.out[own + element] = sum;
}
MILLRACE_KERNEL(millrace_beside_contract)

struct BesideThroughArgs {
    const void *in; // [scale][rows], what is added; or null
    const float *bias; // [scale][width]
    const float *thin; // [scale][rows][rank]
    const float *factor; // [scale][rank][width]
    void *out; // [scale][rows]
    u64 inStride; // elements from a scale's rows to the next
    u64 inRow;
    u64 ownStride; // floats from a scale's bias to the next, and from its factor to the next
    u64 outStride;
    u64 outRow;
    u32 rows;
    u32 width;
    u32 rank;
    u32 inType;
    u32 outType;
    u32 relu; // whether what is below 0 becomes that
    u32 accumulate; // whether to add to what is there
    u32 unused; // arguments are whole 8-byte words
};

// in + bias + thin factor, rank by rank, rounded once. A thread takes eight columns of a row.
// grid: (ceil(rows * ceil(width / 8) / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_beside_through(BesideThroughArgs args) {
    u32 pieces = (args.width + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 row = item / pieces;
    if (row >= args.rows) {
        return;
    }
    u64 scale = blockIdx.y;
    u32 column = static_cast<u32>(item % pieces) * PER_THREAD;
    u32 count = args.width - column < PER_THREAD ? args.width - column : PER_THREAD;
    float sum[PER_THREAD];
    load_eight(args.bias, F32, scale * args.ownStride + column, count, sum);
    if (args.in != nullptr) {
        float in[PER_THREAD];
        load_eight(args.in, static_cast<Type>(args.inType), scale * args.inStride + row * args.inRow + column, count, in);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            sum[i] = __fadd_rn(in[i], sum[i]);
        }
    }
    const float *thin = args.thin + (scale * args.rows + row) * args.rank;
    const float *factor = args.factor + scale * args.ownStride;
    for (u32 j = 0; j < args.rank; j++) {
        float f[PER_THREAD];
        load_eight(factor, F32, static_cast<u64>(j) * args.width + column, count, f);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            sum[i] = __fmaf_rn(f[i], thin[j], sum[i]);
        }
    }
    Type type = static_cast<Type>(args.outType);
    u64 place = scale * args.outStride + row * args.outRow + column;
    float old[PER_THREAD] = {};
    if (args.accumulate != 0) {
        load_eight(args.out, type, place, count, old);
    }
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        float value = args.relu != 0 && sum[i] < 0.0f ? 0.0f : sum[i];
        sum[i] = args.accumulate != 0 ? __fadd_rn(old[i], value) : value;
    }
    store_eight(args.out, type, place, count, sum);
}
MILLRACE_KERNEL(millrace_beside_through)
