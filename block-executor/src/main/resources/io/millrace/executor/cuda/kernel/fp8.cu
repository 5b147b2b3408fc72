// Matrices as 8-bit floats (E4M3), each with one float32 scale: what the tensor cores of 8.9 and newer multiply.
// Widths are multiples of 16. Scales are powers of two, so that scaling itself rounds nothing.
#include "common.cuh"

constexpr u32 LARGEST_BITS = 0x600000u; // of the mantissa of 448 = 1.75 * 2^8, the largest E4M3
constexpr u32 LARGEST_EXPONENT = 8;
constexpr u32 E4M3_LARGEST = 0x7Eu;
constexpr u32 E4M3_NAN = 0x7Fu; // there is no infinity

struct LargestArgs {
    const void *in; // [scale][rows], rows of `width`
    u32 *largest; // bits of a float, 0 before
    u64 stride; // elements from a scale's to the next
    u64 rowStride;
    u32 rows;
    u32 width;
    u32 type;
    u32 unused; // arguments are whole 8-byte words
};

// The largest finite size of all scales' elements: in any order the same. grid: (any number of blocks, scales)
extern "C" __global__ void __launch_bounds__(256) millrace_largest(LargestArgs args) {
    Type type = static_cast<Type>(args.type);
    u32 pieces = args.width / PER_THREAD;
    u64 items = static_cast<u64>(args.rows) * pieces;
    u64 step = static_cast<u64>(gridDim.x) * blockDim.x;
    float largest = 0.0f;
    for (u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x; item < items; item += step) {
        u64 place = blockIdx.y * args.stride + item / pieces * args.rowStride + item % pieces * PER_THREAD;
        float values[PER_THREAD];
        load_eight(args.in, type, place, PER_THREAD, values);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            u32 bits = __float_as_uint(values[i]) & 0x7FFFFFFFu;
            largest = bits < 0x7F800000u ? larger(largest, __uint_as_float(bits)) : largest;
        }
    }
    largest = block_max(largest);
    if (threadIdx.x == 0) {
        atomicMax(args.largest, __float_as_uint(largest)); // floats of one sign are ordered as their bits
    }
}
MILLRACE_KERNEL(millrace_largest)

// The exponent field of the smallest power of two by which the largest size divided is at most 448.
__device__ __forceinline__ u32 scale_exponent(u32 largest) {
    u32 exponent = (largest >> 23) + ((largest & 0x7FFFFFu) > LARGEST_BITS ? 1u : 0u);
    return exponent > LARGEST_EXPONENT ? exponent - LARGEST_EXPONENT : 1u;
}

// The nearest E4M3, ties to even; beyond the largest the largest. What is not finite becomes NaN, so that it shows.
__device__ __forceinline__ u32 float_to_e4m3(float value) {
    u32 bits = __float_as_uint(value);
    u32 sign = (bits >> 24) & 0x80u;
    bits &= 0x7FFFFFFFu;
    if (bits >= 0x7F800000u) {
        return sign | E4M3_NAN;
    }
    if (bits >= 0x43E00000u) { // 448
        return sign | E4M3_LARGEST;
    }
    if (bits < 0x3C800000u) { // 2^-6, the smallest normal: below, numbers are multiples of 2^-9
        constexpr float ROUND = 8388608.0f; // 2^23: adding it leaves the nearest integer in the low bits
        float shifted = __fadd_rn(__fmul_rn(__uint_as_float(bits), 512.0f), ROUND);
        return sign | (__float_as_uint(shifted) & 0xFu);
    }
    return sign | (((bits + 0x7FFFFu + ((bits >> 20) & 1u)) >> 20) - (120u << 3));
}

struct QuantizeArgs {
    const void *in; // [scale][rows], rows of `width`
    void *out; // [scale][rows][width] of E4M3
    const u32 *largest; // bits of the largest size
    float *scale; // what E4M3 times it is; written
    u64 stride; // elements from a scale's to the next
    u64 rowStride;
    u32 rows;
    u32 width;
    u32 type;
    u32 unused; // arguments are whole 8-byte words
};

// grid: (ceil(rows * width / 8 / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_quantize(QuantizeArgs args) {
    u32 exponent = scale_exponent(*args.largest);
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (item == 0 && blockIdx.y == 0) {
        *args.scale = __uint_as_float(exponent << 23);
    }
    u32 pieces = args.width / PER_THREAD;
    u64 row = item / pieces;
    if (row >= args.rows) {
        return;
    }
    u32 column = static_cast<u32>(item % pieces) * PER_THREAD;
    float values[PER_THREAD];
    u64 place = blockIdx.y * args.stride + row * args.rowStride + column;
    load_eight(args.in, static_cast<Type>(args.type), place, PER_THREAD, values);
    float inverse = __uint_as_float((254u - exponent) << 23);
    u32 words[2] = {};
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        words[i / 4] |= float_to_e4m3(__fmul_rn(values[i], inverse)) << (i % 4 * 8);
    }
    u64 out = (static_cast<u64>(blockIdx.y) * args.rows + row) * args.width + column;
    *reinterpret_cast<uint2 *>(static_cast<unsigned char *>(args.out) + out) = make_uint2(words[0], words[1]);
}
MILLRACE_KERNEL(millrace_quantize)
