// Elements that keep their z; that of all others is 0, so that neither queries nor updates reach them.
#pragma once
#include "random.cuh"

constexpr u32 RANDOM_MASK = 0x4D60;

enum MaskKind : u32 { NO_MASK = 0, NOT_ABOVE = 1, DRAWN = 2, LISTED = 3 };

constexpr u32 STRETCH = 1024; // elements, as in ListedMask.java
constexpr u32 ALL_EIGHT = 255;

// Of one tensor.
struct Mask {
    u64 seed; // of a query's step, where words are drawn
    u32 kind;
    u32 bound; // the bits of the largest magnitude that keeps its z, the first word that does not, or stretches of a list
    const u32 *table; // how many are listed below each stretch, then their places in it, 16 bits each; or null
};

// Which of eight consecutive elements have a list's leave, a bit each; all of them where no list is meant.
__device__ __forceinline__ u32 leave_of_eight(const Mask &mask, u64 element) {
    if (mask.kind != LISTED) {
        return ALL_EIGHT;
    }
    if (mask.table == nullptr) {
        return 0;
    }
    const u16 *places = reinterpret_cast<const u16 *>(mask.table + mask.bound + 1);
    u32 leave = 0;
    u64 last = (element + PER_THREAD - 1) / STRETCH; // eight elements lie in one stretch or two
    for (u64 stretch = element / STRETCH; stretch <= last && stretch < mask.bound; stretch++) {
        u64 start = stretch * STRETCH;
        u32 first = element > start ? static_cast<u32>(element - start) : 0;
        u32 end = mask.table[stretch + 1];
        u32 low = mask.table[stretch];
        for (u32 high = end; low < high;) {
            u32 middle = low + (high - low) / 2;
            if (places[middle] < first) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for (; low < end && start + places[low] < element + PER_THREAD; low++) {
            leave |= 1u << static_cast<u32>(start + places[low] - element);
        }
    }
    return leave;
}

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

// z of eight consecutive elements, 0 where it is masked; p is what parameters are at the start of the step that ofStep
// is the seed of, and leave what lists leave of the elements.
__device__ __forceinline__ void eight_masked_z(const Mask &mask, u64 ofStep, u32 leave, Direction direction, u64 seed,
                                               u32 tensor, u64 element, const float *p, float *z) {
    if (leave == 0) { // most often, where few are listed
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            z[i] = 0.0f;
        }
        return;
    }
    eight_z(direction, seed, tensor, element, z);
    if (mask.kind == NOT_ABOVE) {
        float bound = __uint_as_float(mask.bound);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float magnitude = __uint_as_float(__float_as_uint(p[i]) & 0x7FFFFFFFu);
            z[i] = magnitude <= bound ? z[i] : 0.0f;
        }
    } else if (mask.kind == DRAWN) {
        u32 words[PER_THREAD];
        eight_words(ofStep, tensor, element, words);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            z[i] = words[i] < mask.bound ? z[i] : 0.0f;
        }
    } else if (mask.kind == LISTED) {
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            z[i] = (leave >> i & 1u) != 0 ? z[i] : 0.0f;
        }
    }
}
