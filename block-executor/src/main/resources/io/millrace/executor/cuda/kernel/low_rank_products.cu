// The thin products beside a product with a stored matrix: x V, and what they make of the outputs.
#include "common.cuh"

constexpr u32 ROWS_AT_ONCE = 4;
constexpr u32 RANKS_AT_ONCE = 4;

struct ProjectArgs {
    const void *x; // [scale][rows][columns]
    const float *factor; // [rank][columns]
    float *out; // [scale][rows][rank]
    u64 stride; // elements from a scale's x to the next
    u64 rowStride;
    u64 factorStride; // elements from a scale's factor to the next
    u64 columns;
    u32 rows;
    u32 rank;
    u32 type;
    u32 unused; // arguments are whole 8-byte words
};

// A warp takes four rows, so that a factor's elements serve all of them; a row's sums do not depend on its neighbours.
// grid: (ceil(rows / (4 * warps)), scales)
extern "C" __global__ void __launch_bounds__(128) millrace_project(ProjectArgs args) {
    u32 lane = threadIdx.x % WARP;
    u32 first = (blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP) * ROWS_AT_ONCE;
    if (first >= args.rows) {
        return; // a warp as a whole
    }
    u32 scale = blockIdx.y;
    Type type = static_cast<Type>(args.type);
    const float *factor = args.factor + scale * args.factorStride;
    float *out = args.out + (static_cast<u64>(scale) * args.rows + first) * args.rank;
    for (u32 rank = 0; rank < args.rank; rank += RANKS_AT_ONCE) {
        float sums[ROWS_AT_ONCE][RANKS_AT_ONCE] = {};
        for (u64 at = lane * PER_THREAD; at < args.columns; at += WARP * PER_THREAD) {
            u32 count = args.columns - at < PER_THREAD ? static_cast<u32>(args.columns - at) : PER_THREAD;
            float x[ROWS_AT_ONCE][PER_THREAD];
#pragma unroll
            for (u32 i = 0; i < ROWS_AT_ONCE; i++) {
                u64 row = first + i < args.rows ? first + i : first;
                load_eight(args.x, type, scale * args.stride + row * args.rowStride + at, count, x[i]);
            }
#pragma unroll
            for (u32 j = 0; j < RANKS_AT_ONCE; j++) {
                if (rank + j >= args.rank) {
                    break;
                }
                float f[PER_THREAD];
                load_eight(factor, F32, (rank + j) * args.columns + at, count, f);
#pragma unroll
                for (u32 i = 0; i < ROWS_AT_ONCE; i++) {
#pragma unroll
                    for (u32 c = 0; c < PER_THREAD; c++) {
                        sums[i][j] = __fmaf_rn(x[i][c], f[c], sums[i][j]);
                    }
                }
            }
        }
#pragma unroll
        for (u32 i = 0; i < ROWS_AT_ONCE; i++) {
#pragma unroll
            for (u32 j = 0; j < RANKS_AT_ONCE; j++) {
                if (rank + j >= args.rank) {
                    break;
                }
                float sum = warp_sum(sums[i][j]);
                if (lane == 0 && first + i < args.rows) {
                    out[i * args.rank + rank + j] = sum;
                }
            }
        }
    }
}
MILLRACE_KERNEL(millrace_project)

struct SpreadArgs {
    const float *thin; // [scale][..][rank], from the first row on
    const float *factor; // [rank][factorRow], from the first column on
    void *y; // [scale][rows][width]
    u64 thinStride; // elements from a scale's to the next
    u64 factorStride;
    u64 factorRow;
    u64 stride;
    u64 rowStride;
    u32 rows;
    u32 width;
    u32 rank;
    u32 type;
    u32 accumulate; // whether to add to what is there
    u32 unused; // arguments are whole 8-byte words
};

// y = thin times factor, terms in order of rank; the product with the matrix is added to it afterwards.
// A thread takes eight columns of four rows. grid: (ceil(ceil(rows / 4) * ceil(width / 8) / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_spread(SpreadArgs args) {
    u32 pieces = (args.width + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 first = item / pieces * ROWS_AT_ONCE;
    if (first >= args.rows) {
        return;
    }
    u32 scale = blockIdx.y;
    Type type = static_cast<Type>(args.type);
    u32 column = static_cast<u32>(item % pieces) * PER_THREAD;
    u32 count = args.width - column < PER_THREAD ? args.width - column : PER_THREAD;
    u64 place = scale * args.stride + first * args.rowStride + column;
    float y[ROWS_AT_ONCE][PER_THREAD] = {};
#pragma unroll
    for (u32 i = 0; i < ROWS_AT_ONCE; i++) {
        if (args.accumulate != 0 && first + i < args.rows) {
            load_eight(args.y, type, place + i * args.rowStride, count, y[i]);
        }
    }
    const float *thin = args.thin + scale * args.thinStride + first * args.rank;
    const float *factor = args.factor + scale * args.factorStride;
    for (u32 j = 0; j < args.rank; j++) {
        float f[PER_THREAD];
        load_eight(factor, F32, j * args.factorRow + column, count, f);
#pragma unroll
        for (u32 i = 0; i < ROWS_AT_ONCE; i++) {
            float product = first + i < args.rows ? thin[i * args.rank + j] : 0.0f;
#pragma unroll
            for (u32 c = 0; c < PER_THREAD; c++) {
                y[i][c] = __fmaf_rn(f[c], product, y[i][c]);
            }
        }
    }
#pragma unroll
    for (u32 i = 0; i < ROWS_AT_ONCE; i++) {
        if (first + i < args.rows) {
            store_eight(args.y, type, place + i * args.rowStride, count, y[i]);
        }
    }
}
MILLRACE_KERNEL(millrace_spread)
