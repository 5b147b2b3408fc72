// Attention on 16-bit types by the tensor cores: products of 16-bit values, summed in float32. Scores and weights stay in
// registers; keys and values pass through shared memory a tile at a time.
#pragma once

// d += a b for a 16 x 16 by 16 x 8 product; fragments as PTX lays them out for mma.m16n8k16.
template <bool HALF> __device__ __forceinline__ void multiply_add(float *d, const u32 *a, u32 b0, u32 b1) {
#ifdef MILLRACE_HOST
    host::multiply_add(HALF ? host_half_to_float : host_bfloat16_to_float, d, a, b0, b1);
#else
    if (HALF) {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    } else {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    }
#endif
}

// Two 8 x 8 matrices of 16-bit values, turned; lanes 0 to 15 say where their rows begin.
__device__ __forceinline__ void load_turned(u32 *b, const u16 *row) {
#ifdef MILLRACE_HOST
    host::load_turned(b, row);
#else
    u32 address = static_cast<u32>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(b[0]), "=r"(b[1])
                 : "r"(address)
                 : "memory");
#endif
}

// 2^x to about 2 units in the last place, 0 far below.
__device__ __forceinline__ float fast_exp2(float x) {
#ifdef MILLRACE_HOST
    return std::exp2(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// Up to eight 16-bit elements as they are; the rest become 0.
__device__ __forceinline__ uint4 load_raw(const void *base, u64 index, u32 count) {
    const u16 *from = static_cast<const u16 *>(base) + index;
    if (count == PER_THREAD && is_aligned(base, index)) {
        return *reinterpret_cast<const uint4 *>(from);
    }
    u32 words[4] = {};
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        words[i / 2] |= i < count ? static_cast<u32>(from[i]) << (i % 2 * 16) : 0;
    }
    return make_uint4(words[0], words[1], words[2], words[3]);
}

// A tile of keys or values to shared memory; what no query sees, and what is beyond the head, becomes 0.
template <u32 DIM, u32 KEYS>
__device__ __forceinline__ void fill_tile(const AttentionArgs &args, const AttentionTile &tile, u32 first, u64 column,
                                          u16 (*place)[DIM + 8]) {
    constexpr u32 PIECES = DIM / PER_THREAD;
    for (u32 i = threadIdx.x; i < KEYS * PIECES; i += blockDim.x) {
        u32 key = i / PIECES;
        u32 d = i % PIECES * PER_THREAD;
        u32 left = d < args.dim ? args.dim - d : 0;
        u32 count = first + key < tile.endKey ? (left < PER_THREAD ? left : PER_THREAD) : 0;
        uint4 words = make_uint4(0, 0, 0, 0);
        if (count > 0) {
            words = load_raw(tile.base, key_place(args, tile, first + key, column + d), count);
        }
        *reinterpret_cast<uint4 *>(&place[key][d]) = words;
    }
}

// The larger over the four lanes that share a row.
__device__ __forceinline__ float row_max(float value) {
    value = larger(value, __shfl_xor_sync(ALL_LANES, value, 1));
    return larger(value, __shfl_xor_sync(ALL_LANES, value, 2));
}

__device__ __forceinline__ float row_sum(float value) {
    value = __fadd_rn(value, __shfl_xor_sync(ALL_LANES, value, 1));
    return __fadd_rn(value, __shfl_xor_sync(ALL_LANES, value, 2));
}

// A block has 64 queries, 16 a warp; a thread has columns `pair` and `pair + 1` of rows `group` and `group + 8`.
template <u32 DIM, u32 KEYS, bool HALF> __device__ __forceinline__ void attend_tensor(const AttentionArgs &args) {
    constexpr u32 ROWS = 16; // of a warp
    constexpr Type TYPE = HALF ? F16 : BF16;
    __shared__ __align__(16) u16 keys[KEYS][DIM + 8]; // 8 more, so that the rows of a fragment are in different banks
    __shared__ __align__(16) u16 values[KEYS][DIM + 8];
    AttentionTile tile;
    if (!attention_tile(args, 4 * ROWS, KEYS, &tile)) {
        return;
    }
    u32 lane = threadIdx.x % WARP;
    u32 group = lane / 4;
    u32 pair = lane % 4 * 2;
    u32 warpQuery = tile.firstQuery + threadIdx.x / WARP * ROWS;
    u32 queries[DIM / 16][4];
#pragma unroll
    for (u32 k = 0; k < DIM / 16; k++) {
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            u32 query = warpQuery + group + i % 2 * 8;
            u32 d = k * 16 + pair + i / 2 * 8;
            u64 place = (tile.firstRow + query) * args.rowStride + tile.queryColumn + d;
            const u16 *from = static_cast<const u16 *>(tile.base) + place;
            bool inside = query < tile.queries;
            u32 low = inside && d < args.dim ? from[0] : 0;
            u32 high = inside && d + 1 < args.dim ? from[1] : 0;
            queries[k][i] = low | (high << 16);
        }
    }
    float sums[DIM / 8][4] = {};
    float top[2] = {NO_SCORE, NO_SCORE};
    float total[2] = {};
    constexpr float LOG2_E = 0x1.715476p+0f;
    float factor = __fmul_rn(args.scale, args.cap == 0.0f ? LOG2_E : __fdiv_rn(1.0f, args.cap));
    float cap = __fmul_rn(args.cap, LOG2_E);
    u32 lowest = args.past + warpQuery; // position of the warp's first query
    for (u32 first = tile.firstKey; first < tile.endKey; first += KEYS) {
        __syncthreads();
        fill_tile<DIM, KEYS>(args, tile, first, tile.keyColumn, keys);
        fill_tile<DIM, KEYS>(args, tile, first, tile.valueColumn, values);
        __syncthreads();
        float scores[KEYS / 8][4] = {};
#pragma unroll
        for (u32 n = 0; n < KEYS / 8; n++) {
#pragma unroll
            for (u32 k = 0; k < DIM / 16; k++) {
                const u16 *from = &keys[n * 8 + group][k * 16 + pair];
                u32 b0 = *reinterpret_cast<const u32 *>(from);
                u32 b1 = *reinterpret_cast<const u32 *>(from + 8);
                multiply_add<HALF>(scores[n], queries[k], b0, b1);
            }
        }
        bool whole = first + KEYS <= tile.endKey && first + KEYS - 1 <= lowest + args.ahead
                     && (args.window == 0 || first + args.window > lowest + ROWS - 1);
        float best[2] = {NO_SCORE, NO_SCORE};
#pragma unroll
        for (u32 n = 0; n < KEYS / 8; n++) {
#pragma unroll
            for (u32 i = 0; i < 4; i++) {
                float score = __fmul_rn(scores[n][i], factor);
                score = args.cap == 0.0f ? score : __fmul_rn(tanh_any(score), cap);
                u32 position = lowest + group + i / 2 * 8;
                bool seen = whole || is_seen(args, tile, position, first + n * 8 + pair + i % 2);
                scores[n][i] = seen ? score : NO_SCORE;
                best[i / 2] = larger(best[i / 2], scores[n][i]);
            }
        }
#pragma unroll
        for (u32 r = 0; r < 2; r++) {
            float largest = larger(top[r], row_max(best[r]));
            float shrink = fast_exp2(__fsub_rn(top[r], largest));
            top[r] = largest;
            total[r] = __fmul_rn(total[r], shrink);
#pragma unroll
            for (u32 n = 0; n < DIM / 8; n++) {
                sums[n][2 * r] = __fmul_rn(sums[n][2 * r], shrink);
                sums[n][2 * r + 1] = __fmul_rn(sums[n][2 * r + 1], shrink);
            }
        }
#pragma unroll
        for (u32 n = 0; n < KEYS / 8; n++) {
#pragma unroll
            for (u32 i = 0; i < 4; i++) {
                bool seen = scores[n][i] != NO_SCORE;
                scores[n][i] = seen ? fast_exp2(__fsub_rn(scores[n][i], top[i / 2])) : 0.0f;
                total[i / 2] = __fadd_rn(total[i / 2], scores[n][i]);
            }
        }
#pragma unroll
        for (u32 k = 0; k < KEYS / 16; k++) {
            u32 weights[4] = {pack_halves(TYPE, scores[2 * k][0], scores[2 * k][1]),
                              pack_halves(TYPE, scores[2 * k][2], scores[2 * k][3]),
                              pack_halves(TYPE, scores[2 * k + 1][0], scores[2 * k + 1][1]),
                              pack_halves(TYPE, scores[2 * k + 1][2], scores[2 * k + 1][3])};
#pragma unroll
            for (u32 n = 0; n < DIM / 8; n++) {
                u32 b[2];
                load_turned(b, &values[k * 16 + lane % 16][n * 8]);
                multiply_add<HALF>(sums[n], weights, b[0], b[1]);
            }
        }
    }
#pragma unroll
    for (u32 r = 0; r < 2; r++) {
        u32 query = warpQuery + group + r * 8;
        float whole = row_sum(total[r]);
        u64 place = tile.outColumn + (tile.firstRow + query) * args.heads * args.dim;
#pragma unroll
        for (u32 i = 0; i < DIM / 4; i++) {
            u32 d = i / 2 * 8 + pair + i % 2;
            if (query < tile.queries && d < args.dim) {
                store_one(args.out, TYPE, place + d, __fdiv_rn(sums[i / 2][2 * r + i % 2], whole));
            }
        }
    }
}

#define MILLRACE_ATTEND(name, dim, keys, half)                                                                         \
    extern "C" __global__ void __launch_bounds__(128) name(AttentionArgs args) { attend_tensor<dim, keys, half>(args); }

MILLRACE_ATTEND(millrace_attend_bf16_64, 64, 64, false)
MILLRACE_KERNEL(millrace_attend_bf16_64)
MILLRACE_ATTEND(millrace_attend_bf16_128, 128, 64, false)
MILLRACE_KERNEL(millrace_attend_bf16_128)
MILLRACE_ATTEND(millrace_attend_bf16_256, 256, 16, false)
MILLRACE_KERNEL(millrace_attend_bf16_256)
MILLRACE_ATTEND(millrace_attend_f16_64, 64, 64, true)
MILLRACE_KERNEL(millrace_attend_f16_64)
MILLRACE_ATTEND(millrace_attend_f16_128, 128, 64, true)
MILLRACE_KERNEL(millrace_attend_f16_128)
MILLRACE_ATTEND(millrace_attend_f16_256, 256, 16, true)
MILLRACE_KERNEL(millrace_attend_f16_256)
