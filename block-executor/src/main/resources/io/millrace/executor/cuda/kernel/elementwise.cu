// What is done to single elements between products: biases, activations, gates, rotation.
#include "common.cuh"

enum Activation : u32 { NONE = 0, RELU = 1, GELU_EXACT = 2, GELU_TANH = 3, SILU = 4, SOFTCAP = 5, TIMES = 6, TANH = 7 };

__device__ __forceinline__ float times_sigmoid(float x, float t) {
    return __fdiv_rn(x, __fadd_rn(exp_any(-t), 1.0f));
}

__device__ __forceinline__ float gelu_exact(float x) {
    float t = x < 0.0f ? -x : x;
    float p = __fmaf_rn(t, -0x1.07bd46p-19f, 0x1.c9ed1ep-16f);
    p = __fmaf_rn(p, t, -0x1.0ea358p-13f);
    p = __fmaf_rn(p, t, -0x1.8e1c7cp-14f);
    p = __fmaf_rn(p, t, 0x1.40dd14p-8f);
    p = __fmaf_rn(p, t, -0x1.2a1648p-5f);
    p = __fmaf_rn(p, t, -0x1.45f024p-2f);
    p = __fmaf_rn(p, t, -0x1.98846cp-1f);
    float twice = exp_up_to_0(__fmul_rn(p, t)); // 2 Phi(-|x|)
    return __fmul_rn(__fmul_rn(x, 0.5f), x < 0.0f ? twice : __fsub_rn(2.0f, twice));
}

__device__ __forceinline__ float activate(Activation activation, float x, float cap) {
    switch (activation) {
    case RELU: return x < 0.0f ? 0.0f : x;
    case GELU_EXACT: return gelu_exact(x);
    case GELU_TANH:
        return times_sigmoid(x, __fmul_rn(x, __fmaf_rn(__fmul_rn(x, x), 0x1.2444f2p-4f, 0x1.988454p+0f)));
    case SILU: return times_sigmoid(x, x);
    case SOFTCAP: return __fmul_rn(tanh_any(__fmul_rn(x, __fdiv_rn(1.0f, cap))), cap);
    case TIMES: return __fmul_rn(x, cap);
    case TANH: return tanh_any(x);
    default: return x;
    }
}

struct ActivateArgs {
    void *x; // [scale][rows][width]; read and written
    const void *up; // the same of the gated states, or null
    const float *bias; // [scale][width] on x, or null
    const float *upBias;
    u64 stride; // elements from a scale's to the next, of x and up
    u64 rowStride; // elements from a row to the next
    u64 biasStride;
    u64 upBiasStride;
    u32 rows;
    u32 width;
    u32 type;
    u32 activation;
    float cap;
    u32 unused; // arguments are whole 8-byte words
};

// x = activation(x + bias), times (up + upBias) with a gate. grid: (ceil(rows * ceil(width / 8) / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_activate(ActivateArgs args) {
    Type type = static_cast<Type>(args.type);
    u32 pieces = (args.width + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 row = item / pieces;
    if (row >= args.rows) {
        return;
    }
    u32 scale = blockIdx.y;
    u32 column = static_cast<u32>(item % pieces) * PER_THREAD;
    u32 count = args.width - column < PER_THREAD ? args.width - column : PER_THREAD;
    u64 place = scale * args.stride + row * args.rowStride + column;
    float x[PER_THREAD];
    float other[PER_THREAD];
    load_eight(args.x, type, place, count, x);
    if (args.bias != nullptr) {
        load_eight(args.bias, F32, scale * args.biasStride + column, count, other);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            x[i] = __fadd_rn(x[i], other[i]);
        }
    }
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        x[i] = activate(static_cast<Activation>(args.activation), x[i], args.cap);
    }
    if (args.up != nullptr) {
        float bias[PER_THREAD] = {};
        load_eight(args.up, type, place, count, other);
        if (args.upBias != nullptr) {
            load_eight(args.upBias, F32, scale * args.upBiasStride + column, count, bias);
        }
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            x[i] = __fmul_rn(x[i], __fadd_rn(other[i], bias[i]));
        }
    }
    store_eight(args.x, type, place, count, x);
}
MILLRACE_KERNEL(millrace_activate)

struct RotateArgs {
    void *data; // [scale][rows], rows that hold query heads and key heads
    const float *table; // [positions][dims]: cosines, then sines
    const i32 *positions; // of each row
    u64 stride; // elements from a scale's to the next
    u64 rowStride;
    u32 rows;
    u32 half; // pairs of a head that turn
    u32 heads;
    u32 kvHeads;
    u32 queryStart;
    u32 queryStride;
    u32 keyStart;
    u32 keyStride;
    u32 queryGroup; // query heads of a group, queryInner apart; groups are queryStride apart
    u32 queryInner;
    u32 type;
    u32 neighbours; // whether pairs are neighbours, and not of two halves
};

// Turns the pairs of each head: element i of its first half with element i of its second, or neighbours.
// grid: (ceil(rows * (heads + kvHeads) * half / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_rotate(RotateArgs args) {
    Type type = static_cast<Type>(args.type);
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u32 i = static_cast<u32>(item % args.half);
    u64 head_item = item / args.half;
    u32 all = args.heads + args.kvHeads;
    u32 head = static_cast<u32>(head_item % all);
    u64 row = head_item / all;
    if (row >= args.rows) {
        return;
    }
    u32 column = head < args.heads ? args.queryStart + head / args.queryGroup * args.queryStride
                                             + head % args.queryGroup * args.queryInner
                                   : args.keyStart + (head - args.heads) * args.keyStride;
    u64 place = blockIdx.y * args.stride + row * args.rowStride + column + (args.neighbours ? 2 * i : i);
    u64 second = place + (args.neighbours ? 1 : args.half);
    const float *turn = args.table + static_cast<u64>(args.positions[row]) * 2 * args.half + i;
    float cosine = turn[0];
    float sine = turn[args.half];
    float a = load_one(args.data, type, place);
    float b = load_one(args.data, type, second);
    store_one(args.data, type, place, __fsub_rn(__fmul_rn(a, cosine), __fmul_rn(b, sine)));
    store_one(args.data, type, second, __fadd_rn(__fmul_rn(b, cosine), __fmul_rn(a, sine)));
}
MILLRACE_KERNEL(millrace_rotate)

struct PickArgs {
    const void *in; // [scale][rows][width]
    void *out;
    const i32 *pick; // which row of `in` each row of `out` takes, or null for the same
    u64 inStride; // elements from a scale's to the next
    u64 inRow; // elements from a row to the next
    u64 outStride;
    u64 outRow;
    u32 rows;
    u32 width;
    u32 inType;
    u32 outType;
};

// Rows in another type. grid: (ceil(rows * ceil(width / 8) / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_pick(PickArgs args) {
    u32 pieces = (args.width + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 row = item / pieces;
    if (row >= args.rows) {
        return;
    }
    u32 column = static_cast<u32>(item % pieces) * PER_THREAD;
    u32 count = args.width - column < PER_THREAD ? args.width - column : PER_THREAD;
    u64 from = args.pick == nullptr ? row : static_cast<u64>(args.pick[row]);
    float values[PER_THREAD];
    u64 in = blockIdx.y * args.inStride + from * args.inRow + column;
    load_eight(args.in, static_cast<Type>(args.inType), in, count, values);
    u64 out = blockIdx.y * args.outStride + row * args.outRow + column;
    store_eight(args.out, static_cast<Type>(args.outType), out, count, values);
}
MILLRACE_KERNEL(millrace_pick)
