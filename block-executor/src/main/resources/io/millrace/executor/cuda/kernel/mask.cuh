// Elements that keep their z; that of all others is 0, so that neither queries nor updates reach them.
#pragma once
#include "random.cuh"

constexpr u32 RANDOM_MASK = 0x4D60;

enum MaskKind : u32 { NO_MASK = 0, NOT_ABOVE = 1, DRAWN = 2 };

// Of one tensor.
struct Mask {
    u64 seed; // of a query's step, where words are drawn
    u32 kind;
    u32 bound; // the bits of the largest magnitude that keeps its z, or the first word that does not
};

// The words of eight consecutive elements, each of which takes that of its index.
__device__ __forceinline__ void eight_words(u64 seed, u32 tensor, u64 element, u32 *words) {
    u64 block = element >> 2;
    u32 skip = static_cast<u32>(element) & 3u;
    uint4 front = philox(seed, block, tensor, RANDOM_MASK);
    uint4 middle = philox(seed, block + 1, tensor, RANDOM_MASK);
    uint4 back = skip == 0 ? middle : philox(seed, block + 2, tensor, RANDOM_MASK);
    u32 all[12] = {front.x, front.y, front.z, front.w, middle.x, middle.y, middle.z, middle.w,
                   back.x,  back.y,  back.z,  back.w};
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        words[i] = all[i];
    }
#pragma unroll
    for (u32 shift = 1; shift < 4; shift++) { // constant indices keep the words in registers
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            words[i] = skip == shift ? all[shift + i] : words[i];
        }
    }
}

// Clears z of what is masked; p is what parameters are at the start of the step that the seed is of.
__device__ __forceinline__ void mask_eight(
    const Mask &mask, u64 seed, u32 tensor, u64 element, const float *p, float *z) {
    if (mask.kind == NOT_ABOVE) {
        float bound = __uint_as_float(mask.bound);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float magnitude = __uint_as_float(__float_as_uint(p[i]) & 0x7FFFFFFFu);
            z[i] = magnitude <= bound ? z[i] : 0.0f;
        }
    } else if (mask.kind == DRAWN) {
        u32 words[PER_THREAD];
        eight_words(seed, tensor, element, words);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            z[i] = words[i] < mask.bound ? z[i] : 0.0f;
        }
    }
}
