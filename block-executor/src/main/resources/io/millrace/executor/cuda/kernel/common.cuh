// What all kernels share: types, dtypes, reductions, and functions of IEEE operations alone.
//
// Every float operation that may be contracted is written as an intrinsic, and the files are compiled with
// --fmad=false: so a value is the same on every chip, and in the host build that tests compare with.
#pragma once

#ifdef MILLRACE_HOST
#include "host_device.h"
#else
#define MILLRACE_KERNEL(name) // the host build makes an entry point of each kernel here
#define MILLRACE_DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

using i32 = int;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;

// How elements are stored; the numbers are those of CudaTypes.java.
enum Type : u32 { F32 = 0, F16 = 1, BF16 = 2 };

constexpr u32 WARP = 32;
constexpr u32 ALL_LANES = 0xFFFFFFFFu;

// ---- Conversions -------------------------------------------------------------------------------------------------

__device__ __forceinline__ float half_to_float(u16 bits) {
#ifdef MILLRACE_HOST
    return host_half_to_float(bits);
#else
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
#endif
}

__device__ __forceinline__ u16 float_to_half(float value) {
#ifdef MILLRACE_HOST
    return host_float_to_half(value);
#else
    u16 bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#endif
}

__device__ __forceinline__ float bfloat16_to_float(u16 bits) { return __uint_as_float(static_cast<u32>(bits) << 16); }

__device__ __forceinline__ u16 float_to_bfloat16(float value) {
    u32 bits = __float_as_uint(value);
    u32 nearest = (bits + ((bits >> 16) & 1u) + 0x7FFFu) >> 16;
    return static_cast<u16>(value != value ? (bits >> 16) | 0x40u : nearest);
}

// Two values in one word, the earlier one in the low half.
__device__ __forceinline__ u32 pack_halves(Type type, float low, float high) {
    if (type == F16) {
        return static_cast<u32>(float_to_half(low)) | (static_cast<u32>(float_to_half(high)) << 16);
    }
    return static_cast<u32>(float_to_bfloat16(low)) | (static_cast<u32>(float_to_bfloat16(high)) << 16);
}

__device__ __forceinline__ float load_one(const void *base, Type type, u64 index) {
    switch (type) {
    case F16: return half_to_float(static_cast<const u16 *>(base)[index]);
    case BF16: return bfloat16_to_float(static_cast<const u16 *>(base)[index]);
    default: return static_cast<const float *>(base)[index];
    }
}

__device__ __forceinline__ void store_one(void *base, Type type, u64 index, float value) {
    switch (type) {
    case F16: static_cast<u16 *>(base)[index] = float_to_half(value); break;
    case BF16: static_cast<u16 *>(base)[index] = float_to_bfloat16(value); break;
    default: static_cast<float *>(base)[index] = value; break;
    }
}

// Elements that a thread moves at once: 16 bytes of a 16-bit type, twice 16 bytes of float32.
constexpr u32 PER_THREAD = 8;

// Whether eight elements from an index on can be moved as whole 16-byte words.
__device__ __forceinline__ bool is_aligned(const void *base, u64 index) {
    return (index % PER_THREAD) == 0 && (reinterpret_cast<u64>(base) & 15u) == 0;
}

__device__ __forceinline__ void unpack(Type type, u32 word, float *values) {
    if (type == F16) {
        values[0] = half_to_float(static_cast<u16>(word));
        values[1] = half_to_float(static_cast<u16>(word >> 16));
    } else {
        values[0] = __uint_as_float(word << 16);
        values[1] = __uint_as_float(word & 0xFFFF0000u);
    }
}

// Loads up to eight consecutive elements; the rest become 0.
__device__ __forceinline__ void load_eight(const void *base, Type type, u64 index, u32 count, float *values) {
    if (count == PER_THREAD && is_aligned(base, index)) {
        if (type == F32) {
            const float4 *words = reinterpret_cast<const float4 *>(static_cast<const float *>(base) + index);
            float4 front = words[0];
            float4 back = words[1];
            values[0] = front.x, values[1] = front.y, values[2] = front.z, values[3] = front.w;
            values[4] = back.x, values[5] = back.y, values[6] = back.z, values[7] = back.w;
        } else {
            uint4 words = *reinterpret_cast<const uint4 *>(static_cast<const u16 *>(base) + index);
            unpack(type, words.x, values);
            unpack(type, words.y, values + 2);
            unpack(type, words.z, values + 4);
            unpack(type, words.w, values + 6);
        }
        return;
    }
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        values[i] = i < count ? load_one(base, type, index + i) : 0.0f;
    }
}

__device__ __forceinline__ void store_eight(void *base, Type type, u64 index, u32 count, const float *values) {
    if (count == PER_THREAD && is_aligned(base, index)) {
        if (type == F32) {
            float4 *words = reinterpret_cast<float4 *>(static_cast<float *>(base) + index);
            words[0] = make_float4(values[0], values[1], values[2], values[3]);
            words[1] = make_float4(values[4], values[5], values[6], values[7]);
        } else {
            *reinterpret_cast<uint4 *>(static_cast<u16 *>(base) + index) =
                make_uint4(pack_halves(type, values[0], values[1]), pack_halves(type, values[2], values[3]),
                           pack_halves(type, values[4], values[5]), pack_halves(type, values[6], values[7]));
        }
        return;
    }
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        if (i < count) {
            store_one(base, type, index + i, values[i]);
        }
    }
}

// ---- Functions; the same polynomials as io.millrace.executor.cpu.Lanes -------------------------------------------

// The natural exponential of what is never above 88.3, relative error below 1.5e-7; 0 below -87.3.
__device__ __forceinline__ float exp_up_to_0(float x) {
    constexpr float ROUND = 12582912.0f; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
    float shifted = __fmaf_rn(x, 0x1.715476p+0f, ROUND);
    float n = __fsub_rn(shifted, ROUND);
    float r = __fmaf_rn(n, -0x1.62e400p-1f, x);
    r = __fmaf_rn(n, -0x1.7f7d1cp-20f, r);
    float p = __fmaf_rn(r, 1.9875691e-4f, 0x1.6e879cp-10f);
    p = __fmaf_rn(p, r, 8.333452e-3f);
    p = __fmaf_rn(p, r, 4.1665796e-2f);
    p = __fmaf_rn(p, r, 0x1.555554p-3f);
    p = __fmaf_rn(p, r, 0.5f);
    p = __fadd_rn(__fmaf_rn(p, __fmul_rn(r, r), r), 1.0f);
    u32 exponent = __float_as_uint(shifted) - (__float_as_uint(ROUND) - 127u);
    float result = __fmul_rn(p, __uint_as_float(exponent << 23));
    return x < -8.733654e1f ? 0.0f : result;
}

__device__ __forceinline__ float exp_any(float x) {
    return x > 8.837626e1f ? __uint_as_float(0x7F800000u) : exp_up_to_0(x);
}

__device__ __forceinline__ float tanh_any(float x) {
    constexpr float END = 7.905311f; // beyond, tanh is 1 in float
    float t = x > END ? END : x;
    t = t < -END ? -END : t;
    float s = __fmul_rn(t, t);
    float p = __fmaf_rn(s, -0x1.3e4b80p-52f, 0x1.c266fcp-43f);
    p = __fmaf_rn(p, s, -0x1.7a6ffep-34f);
    p = __fmaf_rn(p, s, 0x1.b80082p-25f);
    p = __fmaf_rn(p, s, 0x1.f28694p-17f);
    p = __fmaf_rn(p, s, 0x1.4e1bdap-11f);
    p = __fmaf_rn(p, s, 0x1.40b3b8p-8f);
    float q = __fmaf_rn(s, 0x1.41a7b0p-20f, 0x1.f12bacp-14f);
    q = __fmaf_rn(q, s, 0x1.29540ap-9f);
    q = __fmaf_rn(q, s, 0x1.40b3bap-8f);
    return __fdiv_rn(__fmul_rn(p, t), q);
}

// ---- Reductions; the order is fixed, so that sums are the same from run to run -----------------------------------

__device__ __forceinline__ float warp_sum(float value) {
#ifdef MILLRACE_HOST
    return host::butterfly(value, [](float a, float b) { return a + b; }); // the same tree in one exchange
#else
#pragma unroll
    for (u32 offset = WARP / 2; offset > 0; offset /= 2) {
        value = __fadd_rn(value, __shfl_xor_sync(ALL_LANES, value, static_cast<i32>(offset)));
    }
    return value;
#endif
}

// The largest, skipping NaNs: an exponential shows them later.
__device__ __forceinline__ float larger(float a, float b) { return b > a ? b : a; }

__device__ __forceinline__ float warp_max(float value) {
#ifdef MILLRACE_HOST
    return host::butterfly(value, larger);
#else
#pragma unroll
    for (u32 offset = WARP / 2; offset > 0; offset /= 2) {
        value = larger(value, __shfl_xor_sync(ALL_LANES, value, static_cast<i32>(offset)));
    }
    return value;
#endif
}

// A block's sum in every thread. All threads call it; blocks are whole warps, up to 1024 threads.
__device__ __forceinline__ float block_sum(float value) {
    __shared__ float sums[WARP];
    u32 warps = blockDim.x / WARP;
    float sum = warp_sum(value);
    if (warps == 1) {
        return sum;
    }
    __syncthreads();
    if (threadIdx.x % WARP == 0) {
        sums[threadIdx.x / WARP] = sum;
    }
    __syncthreads();
    u32 lane = threadIdx.x % WARP;
    return warp_sum(lane < warps ? sums[lane] : 0.0f);
}

__device__ __forceinline__ float block_max(float value) {
    __shared__ float tops[WARP];
    u32 warps = blockDim.x / WARP;
    float top = warp_max(value);
    if (warps == 1) {
        return top;
    }
    __syncthreads();
    if (threadIdx.x % WARP == 0) {
        tops[threadIdx.x / WARP] = top;
    }
    __syncthreads();
    u32 lane = threadIdx.x % WARP;
    return warp_max(tops[lane < warps ? lane : 0]);
}
