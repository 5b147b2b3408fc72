// Norms of rows, or of each head of a row; statistics in float32.
#include "common.cuh"

enum NormKind : u32 { LAYER = 0, RMS = 1 };

struct NormArgs {
    const void *in; // [scale][rows], rows of `heads` pieces
    void *out;
    const float *weight; // [scale][width]
    const float *bias; // [scale][width], or null
    const i32 *pick; // which row of `in` each row of `out` takes, or null for the same
    u64 inStride; // elements from a scale's to the next
    u64 inRow; // elements from a row to the next
    u64 outStride;
    u64 outRow;
    u64 weightStride;
    u32 heads; // pieces of a row that are normed by themselves
    u32 headStride; // elements from a piece to the next, in and out
    u32 width;
    u32 kind;
    u32 inType;
    u32 outType;
    u32 accumulate; // whether to add to what is in `out`
    float epsilon;
    float weightOffset; // added to the weight before use
    u32 unused; // arguments are whole 8-byte words
};

// A block norms one piece. grid: (rows * heads, scales)
extern "C" __global__ void __launch_bounds__(512) millrace_norm(NormArgs args) {
    Type inType = static_cast<Type>(args.inType);
    Type outType = static_cast<Type>(args.outType);
    u32 row = blockIdx.x / args.heads;
    u32 piece = blockIdx.x % args.heads * args.headStride;
    u32 scale = blockIdx.y;
    u32 from = args.pick == nullptr ? row : static_cast<u32>(args.pick[row]);
    u64 in = scale * args.inStride + from * args.inRow + piece;
    u64 out = scale * args.outStride + row * args.outRow + piece;
    u32 step = blockDim.x * PER_THREAD;
    float values[PER_THREAD];
    float mean = 0.0f;
    if (args.kind == LAYER) {
        float sum = 0.0f;
        for (u32 at = threadIdx.x * PER_THREAD; at < args.width; at += step) {
            u32 count = args.width - at < PER_THREAD ? args.width - at : PER_THREAD;
            load_eight(args.in, inType, in + at, count, values);
#pragma unroll
            for (u32 i = 0; i < PER_THREAD; i++) {
                sum = __fadd_rn(sum, values[i]);
            }
        }
        mean = __fdiv_rn(block_sum(sum), static_cast<float>(args.width));
    }
    float squares = 0.0f;
    for (u32 at = threadIdx.x * PER_THREAD; at < args.width; at += step) {
        u32 count = args.width - at < PER_THREAD ? args.width - at : PER_THREAD;
        load_eight(args.in, inType, in + at, count, values);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float centred = i < count ? __fsub_rn(values[i], mean) : 0.0f;
            squares = __fmaf_rn(centred, centred, squares);
        }
    }
    float variance = __fdiv_rn(block_sum(squares), static_cast<float>(args.width));
    float factor = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(variance, args.epsilon)));
    for (u32 at = threadIdx.x * PER_THREAD; at < args.width; at += step) {
        u32 count = args.width - at < PER_THREAD ? args.width - at : PER_THREAD;
        float weight[PER_THREAD];
        float bias[PER_THREAD] = {};
        float old[PER_THREAD] = {};
        load_eight(args.in, inType, in + at, count, values);
        load_eight(args.weight, F32, scale * args.weightStride + at, count, weight);
        if (args.bias != nullptr) {
            load_eight(args.bias, F32, scale * args.weightStride + at, count, bias);
        }
        if (args.accumulate != 0) {
            load_eight(args.out, outType, out + at, count, old);
        }
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float centred = __fmul_rn(__fsub_rn(values[i], mean), factor);
            float normed = __fmaf_rn(centred, __fadd_rn(weight[i], args.weightOffset), bias[i]);
            values[i] = __fadd_rn(old[i], normed);
        }
        store_eight(args.out, outType, out + at, count, values);
    }
}
MILLRACE_KERNEL(millrace_norm)
