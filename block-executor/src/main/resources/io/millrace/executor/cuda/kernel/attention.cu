// Softmax attention over tiles of keys with a running maximum and sum: no matrix of all scores exists.
#include "common.cuh"

struct AttentionArgs {
    const void *projected; // [scale][rows], row 0 that of the first new token; earlier ones lie before it
    void *out; // [scale][rows][heads * dim]
    const i32 *starts; // first row of each sequence, and the number of rows at the end
    u64 stride; // elements of `projected` from a scale's to the next
    u64 rowStride;
    u64 outStride;
    u32 past; // tokens before row 0 whose keys and values are kept
    u32 sequences;
    u32 heads;
    u32 kvHeads;
    u32 dim;
    u32 queryStart;
    u32 queryStride;
    u32 keyStart;
    u32 keyStride;
    u32 valueStart;
    u32 valueStride;
    u32 window; // a query sees this many positions up to itself, which is included; 0 for all before it
    u32 type;
    float scale;
    float cap; // of cap * tanh(score / cap), 0 for none
    u32 queryGroup; // query heads of a group, a head's size apart; groups are queryStride apart
    u32 ahead; // how many positions behind its own a query sees, as far as its sequence goes
    u32 unused; // arguments are whole 8-byte words
};

// Below any score, yet finite, so that differences of maxima are never NaN.
#define NO_SCORE (-1e30f)

// One block's share of the work: a head of a sequence and a tile of its queries, for one scale.
struct AttentionTile {
    const void *base; // of the scale
    u64 firstRow; // of the sequence
    u64 queryColumn;
    u64 keyColumn;
    u64 valueColumn;
    u64 outColumn;
    u32 firstQuery; // of the tile, counted in the sequence
    u32 queries; // of the sequence
    u32 firstKey; // that any query of the tile sees, a multiple of the key tile
    u32 endKey;
};

// Blocks: x = tile, longest first; y = head; z = scale * sequences + sequence.
__device__ __forceinline__ bool attention_tile(const AttentionArgs &args, u32 queryTile, u32 keyTile, AttentionTile *tile) {
    u32 scale = blockIdx.z / args.sequences;
    u32 sequence = blockIdx.z % args.sequences;
    u32 head = blockIdx.y;
    u32 kvHead = head / (args.heads / args.kvHeads);
    tile->firstRow = static_cast<u64>(args.starts[sequence]);
    tile->queries = static_cast<u32>(args.starts[sequence + 1] - args.starts[sequence]);
    tile->firstQuery = (gridDim.x - 1 - blockIdx.x) * queryTile;
    if (tile->firstQuery >= tile->queries) {
        return false;
    }
    u32 element = args.type == F32 ? 4 : 2;
    tile->base = static_cast<const unsigned char *>(args.projected) + scale * args.stride * element;
    tile->queryColumn = args.queryStart + static_cast<u64>(head / args.queryGroup) * args.queryStride
                        + head % args.queryGroup * args.dim;
    tile->keyColumn = args.keyStart + static_cast<u64>(kvHead) * args.keyStride;
    tile->valueColumn = args.valueStart + static_cast<u64>(kvHead) * args.valueStride;
    tile->outColumn = scale * args.outStride + static_cast<u64>(head) * args.dim;
    u32 lastQuery = tile->firstQuery + queryTile < tile->queries ? tile->firstQuery + queryTile : tile->queries;
    u32 position = args.past + tile->firstQuery;
    u32 lowest = args.window == 0 || position + 1 < args.window ? 0 : position + 1 - args.window;
    tile->firstKey = lowest / keyTile * keyTile;
    u32 behind = tile->queries - lastQuery; // of the sequence
    tile->endKey = args.past + lastQuery + (args.ahead < behind ? args.ahead : behind);
    return true;
}

// Element of a key's or value's row: keys count from the first token that is kept.
__device__ __forceinline__ u64 key_place(const AttentionArgs &args, const AttentionTile &tile, u32 key, u64 column) {
    return (tile.firstRow + key) * args.rowStride + column - static_cast<u64>(args.past) * args.rowStride;
}

__device__ __forceinline__ bool is_seen(const AttentionArgs &args, const AttentionTile &tile, u32 position, u32 key) {
    return key < tile.endKey && key <= position + args.ahead && (args.window == 0 || key + args.window > position);
}

// Float32 arithmetic on the ordinary cores. A warp has QUERIES queries; for scores a lane has a key, for sums of values
// it has every 32nd element of the head.
template <u32 DIM, u32 QUERIES> __device__ __forceinline__ void attend(const AttentionArgs &args) {
    constexpr u32 WARPS = 4;
    constexpr u32 KEY_TILE = WARP;
    constexpr u32 WORDS = DIM / 4;
    __shared__ __align__(16) float queries[WARPS * QUERIES][DIM];
    __shared__ __align__(16) float keys[KEY_TILE][DIM]; // float4 i of row r stands at i + r, so that banks differ
    __shared__ __align__(16) float weights[WARPS * QUERIES][KEY_TILE];
    AttentionTile tile;
    if (!attention_tile(args, WARPS * QUERIES, KEY_TILE, &tile)) {
        return;
    }
    Type type = static_cast<Type>(args.type);
    u32 lane = threadIdx.x % WARP;
    u32 warp = threadIdx.x / WARP;
    for (u32 i = threadIdx.x; i < WARPS * QUERIES * DIM; i += WARPS * WARP) {
        u32 query = tile.firstQuery + i / DIM;
        bool inside = query < tile.queries && i % DIM < args.dim;
        u64 place = (tile.firstRow + query) * args.rowStride + tile.queryColumn + i % DIM;
        queries[i / DIM][i % DIM] = inside ? load_one(tile.base, type, place) : 0.0f;
    }
    float sums[QUERIES][DIM / WARP] = {};
    float top[QUERIES];
    float total[QUERIES] = {};
#pragma unroll
    for (u32 q = 0; q < QUERIES; q++) {
        top[q] = NO_SCORE;
    }
    float inverse = args.cap == 0.0f ? 0.0f : __fdiv_rn(1.0f, args.cap);
    for (u32 first = tile.firstKey; first < tile.endKey; first += KEY_TILE) {
        __syncthreads();
        for (u32 i = threadIdx.x; i < KEY_TILE * DIM; i += WARPS * WARP) {
            u32 key = i / DIM;
            u32 d = i % DIM;
            bool inside = first + key < tile.endKey && d < args.dim;
            u64 place = key_place(args, tile, first + key, tile.keyColumn + d);
            keys[key][((d / 4 + key) % WORDS) * 4 + d % 4] = inside ? load_one(tile.base, type, place) : 0.0f;
        }
        __syncthreads();
        float scores[QUERIES] = {};
        for (u32 word = 0; word * 4 < args.dim; word++) {
            float4 k = *reinterpret_cast<const float4 *>(&keys[lane][((word + lane) % WORDS) * 4]);
#pragma unroll
            for (u32 q = 0; q < QUERIES; q++) {
                float4 x = *reinterpret_cast<const float4 *>(&queries[warp * QUERIES + q][word * 4]);
                scores[q] = __fmaf_rn(x.x, k.x, scores[q]);
                scores[q] = __fmaf_rn(x.y, k.y, scores[q]);
                scores[q] = __fmaf_rn(x.z, k.z, scores[q]);
                scores[q] = __fmaf_rn(x.w, k.w, scores[q]);
            }
        }
#pragma unroll
        for (u32 q = 0; q < QUERIES; q++) {
            u32 query = tile.firstQuery + warp * QUERIES + q;
            float score = __fmul_rn(scores[q], args.scale);
            if (args.cap != 0.0f) {
                score = __fmul_rn(tanh_any(__fmul_rn(score, inverse)), args.cap);
            }
            bool seen = is_seen(args, tile, args.past + query, first + lane);
            float largest = larger(top[q], warp_max(seen ? score : NO_SCORE));
            float weight = seen ? exp_up_to_0(__fsub_rn(score, largest)) : 0.0f;
            float factor = exp_up_to_0(__fsub_rn(top[q], largest));
            top[q] = largest;
            total[q] = __fmaf_rn(total[q], factor, warp_sum(weight));
            weights[warp * QUERIES + q][lane] = weight;
#pragma unroll
            for (u32 d = 0; d < DIM / WARP; d++) {
                sums[q][d] = __fmul_rn(sums[q][d], factor);
            }
        }
        __syncthreads();
        for (u32 i = threadIdx.x; i < KEY_TILE * DIM; i += WARPS * WARP) {
            u32 key = i / DIM;
            u32 d = i % DIM;
            bool inside = first + key < tile.endKey && d < args.dim;
            u64 place = key_place(args, tile, first + key, tile.valueColumn + d);
            keys[key][d] = inside ? load_one(tile.base, type, place) : 0.0f;
        }
        __syncthreads();
        for (u32 key = 0; key < KEY_TILE; key += 4) {
            float values[4][DIM / WARP];
#pragma unroll
            for (u32 k = 0; k < 4; k++) {
#pragma unroll
                for (u32 d = 0; d < DIM / WARP; d++) {
                    values[k][d] = keys[key + k][d * WARP + lane];
                }
            }
#pragma unroll
            for (u32 q = 0; q < QUERIES; q++) {
                float4 weight = *reinterpret_cast<const float4 *>(&weights[warp * QUERIES + q][key]);
#pragma unroll
                for (u32 d = 0; d < DIM / WARP; d++) {
                    sums[q][d] = __fmaf_rn(weight.x, values[0][d], sums[q][d]);
                    sums[q][d] = __fmaf_rn(weight.y, values[1][d], sums[q][d]);
                    sums[q][d] = __fmaf_rn(weight.z, values[2][d], sums[q][d]);
                    sums[q][d] = __fmaf_rn(weight.w, values[3][d], sums[q][d]);
                }
            }
        }
    }
#pragma unroll
    for (u32 q = 0; q < QUERIES; q++) {
        u32 query = tile.firstQuery + warp * QUERIES + q;
        u64 place = tile.outColumn + (tile.firstRow + query) * args.heads * args.dim + lane;
#pragma unroll
        for (u32 d = 0; d < DIM / WARP; d++) {
            if (query < tile.queries && d * WARP + lane < args.dim) {
                store_one(args.out, type, place + d * WARP, __fdiv_rn(sums[q][d], total[q]));
            }
        }
    }
}

// Queries a block: 32, 32, 8. Head sizes up to the number in the name; 48 KiB of shared memory at most.
extern "C" __global__ void __launch_bounds__(128) millrace_attend_64(AttentionArgs args) { attend<64, 8>(args); }
MILLRACE_KERNEL(millrace_attend_64)

extern "C" __global__ void __launch_bounds__(128) millrace_attend_128(AttentionArgs args) { attend<128, 8>(args); }
MILLRACE_KERNEL(millrace_attend_128)

extern "C" __global__ void __launch_bounds__(128) millrace_attend_256(AttentionArgs args) { attend<256, 2>(args); }
MILLRACE_KERNEL(millrace_attend_256)

#include "attention_tensor.cuh"
