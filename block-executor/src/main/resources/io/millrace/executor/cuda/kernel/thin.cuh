// What all ways of thin factors share: sums of their products, and rows of tables as queries see them.
#pragma once
#include "pass.cuh"

__device__ __forceinline__ void scale_eight(float *values, float factor) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        values[i] = __fmul_rn(values[i], factor);
    }
}

// sum += factor * values, each rounded once
__device__ __forceinline__ void add_eight(float *sum, const float *values, float factor) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        sum[i] = __fmaf_rn(factor, values[i], sum[i]);
    }
}

// p += w * V of a rank; V lies [rank][columns].
__device__ __forceinline__ void add_thin(
    const float *right, u64 columns, u64 rank, float w, u64 column, u32 count, float *p) {
    float v[PER_THREAD];
    load_eight(right, F32, rank * columns + column, count, v);
    add_eight(p, v, w);
}

// Decay of what is folded, before thin factors are added.
__device__ __forceinline__ void begin_thin(float *p, float decay, float share, float *before) {
    if (decay != 1.0f) {
        scale_eight(p, decay);
    }
    if (share != 0.0f) {
        begin_sum(p, share, before);
    }
}

// What queries add to the rows that they look up in a table, and where those go.
struct RowsBeside {
    const float *right; // V [scale][rank][columns]; null looks up what is folded and no more
    const float *left; // L that is not folded; zero where null
    const float *sides; // what is beside V, [scale][rank][m]; null makes it of left and the seed
    u64 rightStride; // from a scale's V to the next; 0 where all share one
    u64 sideStride;
    u64 seed; // of the query
    u64 columns;
    u64 matrixRows; // m
    void *out; // [scale][rows][columns]
    const i32 *ids; // which row of the table each row takes
    u64 outStride; // elements from a scale's to the next
    u32 idOffset; // added to each id
    u32 rows;
    u32 outType;
    u32 accumulate; // whether to add to what is there
    u32 scales;
    u32 rank;
    u32 tensor;
    u32 stream; // of U
    float factor; // on the formed row
    float thinFactor; // on the left factor
    float decay; // on what is folded
    float share; // of what is folded, from which the sum begins; or 0
    float scale[MAX_SCALES];
};

__device__ __forceinline__ u64 id_of_row(const RowsBeside &args) {
    return static_cast<u64>(args.ids[blockIdx.x]) + args.idOffset;
}

// k (L + s U) of one row.
__device__ __forceinline__ float left_of_row(const RowsBeside &args, float scale, u64 row, u32 rank) {
    u64 element = row * args.rank + rank;
    float four[4];
    gaussian_four(args.stream, args.seed, element >> 2, args.tensor, four);
    u32 lane = static_cast<u32>(element) & 3u;
    float u = lane == 0 ? four[0] : lane == 1 ? four[1] : lane == 2 ? four[2] : four[3];
    float left = args.left == nullptr ? 0.0f : args.left[element];
    return __fmul_rn(__fmaf_rn(scale, u, left), args.thinFactor);
}

// Writes eight elements of a table's row, which p holds as it is folded, as every scale sees them.
__device__ __forceinline__ void show_row(const RowsBeside &args, u64 id, u64 column, u32 count, float *p) {
    bool sums = args.right != nullptr && args.share != 0.0f;
    float before[PER_THREAD];
    if (args.right != nullptr) {
        begin_thin(p, args.decay, args.share, before);
    }
    Type type = static_cast<Type>(args.outType);
    for (u32 s = 0; s < args.scales; s++) {
        float values[PER_THREAD];
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            values[i] = p[i];
        }
        for (u32 j = 0; args.right != nullptr && j < args.rank; j++) {
            float w = args.sides == nullptr ? left_of_row(args, args.scale[s], id, j)
                                            : args.sides[s * args.sideStride + j * args.matrixRows + id];
            add_thin(args.right + s * args.rightStride, args.columns, j, w, column, count, values);
        }
        if (sums) {
            end_sum(values, before);
        }
        u64 place = s * args.outStride + blockIdx.x * args.columns + column;
        float old[PER_THREAD] = {};
        if (args.accumulate != 0) {
            load_eight(args.out, type, place, count, old);
        }
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float value = args.factor == 1.0f ? values[i] : __fmul_rn(values[i], args.factor);
            values[i] = args.accumulate != 0 ? __fadd_rn(old[i], value) : value;
        }
        store_eight(args.out, type, place, count, values);
    }
}
