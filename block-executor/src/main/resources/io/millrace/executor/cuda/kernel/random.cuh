// The random values of docs/arithmetic.md, to the bit: Philox4x32-10, directions, and rounding.
#pragma once
#include "common.cuh"

constexpr u32 DENSE_Z = 0x4D5A;
constexpr u32 LOW_RANK_U = 0x4D5B;
constexpr u32 LOW_RANK_V = 0x4D5C;
constexpr u32 STOCHASTIC_ROUNDING = 0x4D5D;

enum Direction : u32 { GAUSSIAN = 0, RADEMACHER = 1 };

__device__ __forceinline__ uint4 philox(u64 seed, u64 index, u32 id, u32 stream) {
    uint4 x = make_uint4(static_cast<u32>(index), static_cast<u32>(index >> 32), id, stream);
    u32 key0 = static_cast<u32>(seed);
    u32 key1 = static_cast<u32>(seed >> 32);
#pragma unroll
    for (u32 round = 0; round < 10; round++) {
        u32 high0 = __umulhi(0xD2511F53u, x.x);
        u32 low0 = 0xD2511F53u * x.x;
        u32 high1 = __umulhi(0xCD9E8D57u, x.z);
        u32 low1 = 0xCD9E8D57u * x.z;
        x = make_uint4(high1 ^ x.y ^ key0, low1, high0 ^ x.w ^ key1, low0);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return x;
}

// sqrt(-2 ln u), u = (word + 0.5) / 2^32. Constants are those of io.millrace.optim.GaussianConstants.
__device__ __forceinline__ float gaussian_radius(u32 word) {
    float s = __fadd_rn(__int2float_rn(static_cast<i32>(word)), 0.5f);
    float x = s < 0.0f ? __fadd_rn(s, 0x1p32f) : s;
    i32 bits = static_cast<i32>(__float_as_uint(x) - (0x3F3504F3u + (32u << 23)));
    i32 n = bits >> 23;
    float mantissa = __uint_as_float((static_cast<u32>(bits) & 0x007FFFFFu) + 0x3F3504F3u);
    float f = n == 0 ? __fmul_rn(s, 0x1p-32f) : __fsub_rn(mantissa, 1.0f);
    float q = 0x1.38b59p-3f;
    q = __fmaf_rn(q, f, -0x1.055b6cp-2f);
    q = __fmaf_rn(q, f, 0x1.0d854p-2f);
    q = __fmaf_rn(q, f, -0x1.22da1cp-2f);
    q = __fmaf_rn(q, f, 0x1.547244p-2f);
    q = __fmaf_rn(q, f, -0x1.99a008p-2f);
    q = __fmaf_rn(q, f, 0x1.000226p-1f);
    q = __fmaf_rn(q, f, -0x1.555554p-1f);
    q = __fmaf_rn(q, f, 1.0f);
    q = __fmaf_rn(q, f, -2.0f);
    return __fsqrt_rn(__fmaf_rn(__int2float_rn(n), -0x1.62e43p0f, __fmul_rn(q, f)));
}

// The pair of values that a radius and an angle make: cosine for the even element, sine for the odd one.
__device__ __forceinline__ void gaussian_pair(u32 radius_word, u32 angle_word, float *z) {
    float r = gaussian_radius(radius_word);
    i32 d = static_cast<i32>(angle_word << 2) >> 2;
    float x = __fmul_rn(__fadd_rn(__int2float_rn(d), 0.5f), 0x1p-29f);
    float y = __fmul_rn(x, x);
    float c = __fmaf_rn(0x1.d9f7bcp-19f, y, -0x1.55c664p-12f);
    c = __fmaf_rn(c, y, 0x1.03c1dep-6f);
    c = __fmaf_rn(c, y, -0x1.3bd3ccp-2f);
    c = __fmaf_rn(c, y, 1.0f);
    float t = __fmaf_rn(-0x1.2d9302p-15f, y, 0x1.465e92p-9f);
    t = __fmaf_rn(t, y, -0x1.4abbbap-4f);
    t = __fmaf_rn(t, y, 0x1.921fb6p-1f);
    t = __fmul_rn(x, t);
    u32 turned = angle_word + (1u << 29);
    bool swapped = (turned & (1u << 30)) != 0;
    float even = __fmul_rn(r, swapped ? t : c);
    float odd = __fmul_rn(r, swapped ? c : t);
    u32 even_sign = (turned + (1u << 30)) & 0x80000000u;
    u32 odd_sign = turned & 0x80000000u;
    z[0] = __uint_as_float(__float_as_uint(even) ^ even_sign);
    z[1] = __uint_as_float(__float_as_uint(odd) ^ odd_sign);
}

// Elements 4 block to 4 block + 3 of a gaussian stream.
__device__ __forceinline__ void gaussian_four(u32 stream, u64 seed, u64 block, u32 tensor, float *z) {
    uint4 w = philox(seed, block, tensor, stream);
    gaussian_pair(w.x, w.y, z);
    gaussian_pair(w.z, w.w, z + 2);
}

__device__ __forceinline__ u32 word_of(uint4 words, u32 index) {
    return index == 0 ? words.x : index == 1 ? words.y : index == 2 ? words.z : words.w;
}

// z of eight consecutive elements of which the first is a multiple of eight.
__device__ __forceinline__ void aligned_eight_z(Direction direction, u64 seed, u32 tensor, u64 element, float *z) {
    if (direction == GAUSSIAN) {
        gaussian_four(DENSE_Z, seed, element >> 2, tensor, z);
        gaussian_four(DENSE_Z, seed, (element >> 2) + 1, tensor, z + 4);
        return;
    }
    u32 word = word_of(philox(seed, element >> 7, tensor, DENSE_Z), static_cast<u32>(element >> 5) & 3u);
    u32 bits = word >> (static_cast<u32>(element) & 31u);
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        z[i] = __uint_as_float(0x3F800000u | ((~(bits >> i) & 1u) << 31));
    }
}

// z of eight consecutive elements, wherever they begin.
__device__ __forceinline__ void eight_z(Direction direction, u64 seed, u32 tensor, u64 element, float *z) {
    u32 skip = static_cast<u32>(element) % PER_THREAD;
    if (skip == 0) {
        aligned_eight_z(direction, seed, tensor, element, z);
        return;
    }
    float two[2 * PER_THREAD];
    z[0] = z[1] = z[2] = z[3] = z[4] = z[5] = z[6] = z[7] = 0.0f;
    aligned_eight_z(direction, seed, tensor, element - skip, two);
    aligned_eight_z(direction, seed, tensor, element - skip + PER_THREAD, two + PER_THREAD);
#pragma unroll
    for (u32 shift = 1; shift < PER_THREAD; shift++) { // constant indices keep the values in registers
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            z[i] = skip == shift ? two[shift + i] : z[i];
        }
    }
}

__device__ __forceinline__ float round_nearest(Type type, float value) {
    return type == F16 ? half_to_float(float_to_half(value)) : bfloat16_to_float(float_to_bfloat16(value));
}

__device__ __forceinline__ float round_stochastic(Type type, float value, u32 draw) {
    u32 bits = __float_as_uint(value);
    if ((bits & 0x7F800000u) == 0x7F800000u) {
        return value; // infinity and NaN stay
    }
    if (type == BF16) {
        return __uint_as_float((bits + draw) & 0xFFFF0000u);
    }
    float magnitude = __uint_as_float(bits & 0x7FFFFFFFu);
    if (magnitude < 0x1p-14f) {
        // Subnormal halves lie evenly, 2^-24 apart.
        float steps = __fmul_rn(magnitude, 0x1p24f);
        i32 whole = static_cast<i32>(steps);
        float share = __fmul_rn(__fsub_rn(steps, __int2float_rn(whole)), 0x1p16f);
        i32 rounded = share >= __int2float_rn(static_cast<i32>(0x10000u - draw)) ? whole + 1 : whole;
        u32 result = __float_as_uint(__fmul_rn(__int2float_rn(rounded), 0x1p-24f));
        return __uint_as_float(result | (bits & 0x80000000u));
    }
    u32 dithered = (bits + (draw >> 3)) & 0xFFFFE000u;
    return half_to_float(float_to_half(__uint_as_float(dithered))); // beyond 65504: infinity
}

// The 16-bit draws of eight consecutive elements, which take them by their index.
__device__ __forceinline__ void round_eight(Type type, bool stochastic, u64 seed, u32 tensor, u64 element, float *p) {
    if (type == F32) {
        return;
    }
    if (!stochastic) {
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            p[i] = round_nearest(type, p[i]);
        }
        return;
    }
    u64 block = element >> 3;
    uint4 words = philox(seed, block, tensor, STOCHASTIC_ROUNDING);
    for (u32 i = 0; i < PER_THREAD; i++) {
        u64 at = element + i;
        if ((at >> 3) != block) {
            block = at >> 3;
            words = philox(seed, block, tensor, STOCHASTIC_ROUNDING);
        }
        u32 number = static_cast<u32>(at) & 7u;
        u32 draw = (word_of(words, number >> 1) >> ((number & 1u) * 16u)) & 0xFFFFu;
        p[i] = round_stochastic(type, p[i], draw);
    }
}
