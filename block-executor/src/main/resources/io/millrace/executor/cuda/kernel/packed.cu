// Numbers of matrices that are stored in fewer bits: the same products and sums as the processor's readers, each
// rounded, and so the same bits in float32. What is made is stored in the type that products read.
//
// Parts of a matrix follow one another without gaps, so that only the first is sure to be aligned.
#include "common.cuh"

using u8 = unsigned char;

__device__ __forceinline__ u32 read_u16(const u8 *at) { return at[0] | static_cast<u32>(at[1]) << 8; }

__device__ __forceinline__ u32 read_u32(const u8 *at) {
    if ((reinterpret_cast<u64>(at) & 3u) == 0) {
        return *reinterpret_cast<const u32 *>(at);
    }
    return read_u16(at) | read_u16(at + 2) << 16;
}

__device__ __forceinline__ float read_float(const u8 *at) { return __uint_as_float(read_u32(at)); }

__device__ __forceinline__ float read_half(const u8 *at) { return half_to_float(static_cast<u16>(read_u16(at))); }

__device__ __forceinline__ float read_scale(const u8 *base, u32 type, u64 index) {
    switch (type) {
    case F16: return read_half(base + 2 * index);
    case BF16: return bfloat16_to_float(static_cast<u16>(read_u16(base + 2 * index)));
    default: return read_float(base + 4 * index);
    }
}

// (code - zero) * scale
__device__ __forceinline__ float affine(u32 code, u32 zero, float scale) {
    return __fmul_rn(static_cast<float>(static_cast<i32>(code) - static_cast<i32>(zero)), scale);
}

struct Place {
    u64 row;
    u32 column;
    u64 element; // of the whole matrix
    const float *given; // what takes the place of stored scales; or null
};

// ---- Integers with a zero point and a scale for each group of inputs ----------------------------------------------

struct Grouped {
    u64 zerosAt;
    u64 scalesAt;
    u64 orderAt; // where each input's group is; 0 for inputs in order
    u32 rows;
    u32 columns;
    u32 bits;
    u32 group;
    u32 groups;
    u32 scaleType;
    u32 zeros; // 0: half of all codes; 1: as stored; 2: stored less one
    u32 unused; // arguments are whole 8-byte words

    __device__ __forceinline__ u32 ofWord() const { return 32u / bits; }
    __device__ __forceinline__ u32 mask() const { return (1u << bits) - 1u; }

    __device__ __forceinline__ float scale(const u8 *stored, const Place &place, u64 index) const {
        return place.given != nullptr ? place.given[index] : read_scale(stored + scalesAt, scaleType, index);
    }

    __device__ __forceinline__ u32 groupOf(const u8 *stored, u32 column) const {
        return orderAt == 0 ? column / group : read_u32(stored + orderAt + 4ull * column);
    }
};

// GPTQ: words of inputs, those of an input's outputs side by side. Threads of a warp take outputs.
struct Gptq : Grouped {
    static constexpr bool BY_OUTPUTS = true;

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u32 row = static_cast<u32>(place.row);
        u32 of = ofWord();
        u32 word = read_u32(stored + 4ull * (static_cast<u64>(place.column / of) * rows + row));
        u32 its = groupOf(stored, place.column);
        u32 packed = read_u32(stored + zerosAt + 4ull * (static_cast<u64>(its) * (rows / of) + row / of));
        u32 zero = ((packed >> bits * (row % of)) + (zeros == 2 ? 1u : 0u)) & mask();
        float ofGroup = scale(stored, place, static_cast<u64>(its) * rows + row);
        return affine(word >> bits * (place.column % of) & mask(), zero, ofGroup);
    }
};

// AWQ: words of eight outputs of an input, the outputs not in their order.
struct Awq : Grouped {
    static constexpr bool BY_OUTPUTS = true;

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u32 row = static_cast<u32>(place.row);
        u32 shift = 4u * ((row & 1u) * 4u + (row % 8u >> 1));
        u32 line = rows / 8u;
        u32 its = place.column / group;
        u32 word = read_u32(stored + 4ull * (static_cast<u64>(place.column) * line + row / 8u));
        u32 zero = read_u32(stored + zerosAt + 4ull * (static_cast<u64>(its) * line + row / 8u));
        float ofGroup = scale(stored, place, static_cast<u64>(its) * rows + row);
        return affine(word >> shift & 15u, zero >> shift & 15u, ofGroup);
    }
};

// compressed-tensors: words of an output's inputs, zero points in words along the outputs.
struct PackedRows : Grouped {
    static constexpr bool BY_OUTPUTS = false;

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u32 row = static_cast<u32>(place.row);
        u32 of = ofWord();
        u64 line = (columns + of - 1) / of;
        u32 word = read_u32(stored + 4ull * (row * line + place.column / of));
        u32 its = groupOf(stored, place.column);
        u32 zero = 1u << (bits - 1);
        if (zeros != 0) {
            u32 packed = read_u32(stored + zerosAt + 4ull * (static_cast<u64>(row / of) * groups + its));
            zero = packed >> bits * (row % of) & mask();
        }
        float ofGroup = scale(stored, place, static_cast<u64>(row) * groups + its);
        return affine(word >> bits * (place.column % of) & mask(), zero, ofGroup);
    }
};

// ---- A byte an element, with a scale for each rectangle -------------------------------------------------------------

__device__ __forceinline__ float e4m3_to_float(u32 code) {
    u32 magnitude = code & 0x7Fu;
    u32 bits = (magnitude << 20) + (120u << 23);
    if (magnitude < 8) { // below there are steps of 2^-9
        bits = __float_as_uint(__fmul_rn(static_cast<float>(magnitude), 0x1p-9f));
    } else if (magnitude == 0x7F) {
        bits = 0x7FC00000u;
    }
    return __uint_as_float(bits | (code & 0x80u) << 24);
}

struct ScaledBytes {
    static constexpr bool BY_OUTPUTS = false;

    u64 scalesAt;
    u64 zerosAt; // 0 for none
    u32 blockRows;
    u32 blockColumns;
    u32 across; // rectangles side by side
    u32 scaleType;
    float factor; // on each product; 1 for none
    u32 floats; // whether bytes are E4M3

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u64 index = place.row / blockRows * across + place.column / blockColumns;
        float scale = read_scale(stored + scalesAt, scaleType, index);
        u32 code = stored[place.element];
        if (floats != 0) {
            return __fmul_rn(e4m3_to_float(code), scale);
        }
        u32 zero = 128u;
        if (zerosAt != 0) {
            zero += static_cast<u32>(static_cast<i32>(static_cast<signed char>(stored[zerosAt + index])));
        }
        float value = affine(code ^ 128u, zero, scale);
        return factor == 1.0f ? value : __fmul_rn(value, factor);
    }
};

// ---- MXFP4: E2M1 behind a power of two ------------------------------------------------------------------------------

struct Microscaled {
    static constexpr bool BY_OUTPUTS = false;

    u64 scalesAt;

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u32 code = stored[place.element / 2] >> 4u * (place.element & 1u) & 15u;
        u32 exponent = code >> 1 & 3u;
        u32 last = code & 1u;
        // 0, 1/2, 1, 3/2, 2, 3, 4, 6
        u32 bits = exponent == 0 ? last * 0x3F000000u : (126u + exponent) << 23 | last << 22;
        float value = __uint_as_float(bits | (code & 8u) << 28);
        u32 power = stored[scalesAt + place.element / 32];
        u32 scale = power == 255u ? 0x7FC00000u : power == 0 ? 0x00400000u : power << 23;
        return __fmul_rn(value, __uint_as_float(scale));
    }
};

// ---- bitsandbytes' 4 bits: a table, and the largest of each block of elements -----------------------------------------

struct Table {
    static constexpr bool BY_OUTPUTS = false;

    u64 rangesAt;
    u64 tableAt;
    u64 nestedAt;
    u64 nestedTableAt;
    u32 blockSize;
    u32 nestedSize; // 0 where ranges are float32 themselves
    float offset;
    u32 unused;

    __device__ __forceinline__ float range(const u8 *stored, u64 block) const {
        if (nestedSize == 0) {
            return read_float(stored + rangesAt + 4 * block);
        }
        float of = read_float(stored + nestedTableAt + 4u * stored[rangesAt + block]);
        return __fadd_rn(__fmul_rn(of, read_float(stored + nestedAt + 4 * (block / nestedSize))), offset);
    }

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u32 code = stored[place.element / 2] >> 4u * (~place.element & 1u) & 15u;
        return __fmul_rn(read_float(stored + tableAt + 4 * code), range(stored, place.element / blockSize));
    }
};

// ---- GGUF: units of a row with their scales ---------------------------------------------------------------------------

enum GgufType : u32 { Q4_0 = 0, Q4_1, Q5_0, Q8_0, Q4_K, Q5_K, Q6_K, PLAIN };

struct Gguf {
    static constexpr bool BY_OUTPUTS = false;

    u32 type;
    u32 unitElements;
    u32 unitBytes;
    u32 plainType; // of PLAIN
    u32 headRows; // of heads whose halves are pairs of neighbours; 0 for rows in order
    u32 columns; // of such rows

    __device__ __forceinline__ static u32 nibble(const u8 *codes, u32 i, u32 high) { return codes[i] >> 4u * high & 15u; }

    __device__ __forceinline__ static u32 sixScale(const u8 *at, u32 group) {
        return group < 4 ? at[group] & 63u : (at[group + 4] & 15u) | at[group - 4] >> 6 << 4;
    }

    __device__ __forceinline__ static u32 sixLeast(const u8 *at, u32 group) {
        return group < 4 ? at[group + 4] & 63u : at[group + 4] >> 4 | at[group] >> 6 << 4;
    }

    __device__ __forceinline__ static float ofGroup(const u8 *unit, u32 code, u32 group) {
        float scale = __fmul_rn(read_half(unit), static_cast<float>(sixScale(unit + 4, group)));
        float least = __fmul_rn(read_half(unit + 2), static_cast<float>(sixLeast(unit + 4, group)));
        return __fsub_rn(__fmul_rn(static_cast<float>(code), scale), least);
    }

    __device__ __forceinline__ static float sixth(const u8 *unit, u32 i) {
        u32 eighth = i / 32;
        u32 quarter = eighth & 3u;
        u32 low = nibble(unit + 64 * (eighth >> 2) + 32 * (quarter & 1u), i % 32, quarter >> 1);
        u32 high = unit[128 + 32 * (eighth >> 2) + i % 32] >> 2 * quarter & 3u;
        float scale = static_cast<float>(static_cast<signed char>(unit[192 + 2 * eighth + i % 32 / 16]));
        return affine(low | high << 4, 32, __fmul_rn(read_half(unit + 208), scale));
    }

    __device__ __forceinline__ float inUnit(const u8 *unit, u32 i) const {
        switch (type) {
        case Q4_0: return affine(nibble(unit + 2, i % 16, i / 16), 8, read_half(unit));
        case Q4_1: {
            float code = static_cast<float>(nibble(unit + 4, i % 16, i / 16));
            return __fadd_rn(__fmul_rn(code, read_half(unit)), read_half(unit + 2));
        }
        case Q5_0: {
            u32 fifth = (read_u32(unit + 2) >> i & 1u) << 4;
            return affine(nibble(unit + 6, i % 16, i / 16) | fifth, 16, read_half(unit));
        }
        case Q8_0: return affine(unit[2 + i] ^ 128u, 128, read_half(unit));
        case Q4_K: return ofGroup(unit, nibble(unit + 16 + i / 64 * 32, i % 32, i / 32 & 1u), i / 32);
        case Q5_K: {
            u32 fifth = (unit[16 + i % 32] >> i / 32 & 1u) << 4;
            return ofGroup(unit, nibble(unit + 48 + i / 64 * 32, i % 32, i / 32 & 1u) | fifth, i / 32);
        }
        default: return sixth(unit, i);
        }
    }

    __device__ __forceinline__ float number(const u8 *stored, const Place &place) const {
        u64 element = place.element;
        if (headRows != 0) {
            u64 row = element / columns;
            u32 in = static_cast<u32>(row % headRows);
            u32 half = headRows / 2;
            element = (row - in + 2 * (in % half) + in / half) * columns + element % columns;
        }
        if (type == PLAIN) {
            return read_scale(stored, plainType, element);
        }
        return inUnit(stored + element / unitElements * unitBytes, static_cast<u32>(element % unitElements));
    }
};

// ---- The pass over a matrix, or over rows of it ------------------------------------------------------------------------

struct Unpack {
    const u8 *stored;
    void *out; // [scale][rows][width]
    const i32 *ids; // which row each row takes; null for those that follow the first
    const float *given; // scales of each scale of a query, in the place of those stored; or null
    u64 givenStride; // of them, from a scale's to the next
    u64 firstRow; // or what is added to each id
    u64 outStride; // elements from a scale's to the next
    u32 rows;
    u32 width;
    u32 scales; // all of them see the same, but for what is given
    u32 outType;
    u32 accumulate; // whether to add to what is there
    float factor; // on each number
};

template <class Format> struct UnpackArgs {
    Unpack what;
    Format format;
};

template <class Format>
__device__ __forceinline__ void make_eight(
    const UnpackArgs<Format> &args, Place &place, u32 column, u32 count, float *numbers) {
    float factor = args.what.factor;
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        place.column = column + i;
        place.element = place.row * args.what.width + place.column;
        float number = i < count ? args.format.number(args.what.stored, place) : 0.0f;
        numbers[i] = factor == 1.0f ? number : __fmul_rn(number, factor);
    }
}

// A thread makes eight numbers of a row. grid: ceil(rows * ceil(width / 8) / block) blocks
template <class Format> __device__ __forceinline__ void unpack_rows(const UnpackArgs<Format> &args) {
    const Unpack &what = args.what;
    u64 pieces = (what.width + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (item >= pieces * what.rows) {
        return;
    }
    // Neighbouring threads read neighbouring words.
    u32 row = static_cast<u32>(Format::BY_OUTPUTS ? item % what.rows : item / pieces);
    u32 column = static_cast<u32>(Format::BY_OUTPUTS ? item / what.rows : item % pieces) * PER_THREAD;
    u32 count = what.width - column < PER_THREAD ? what.width - column : PER_THREAD;
    Place place;
    place.row = what.firstRow + (what.ids == nullptr ? row : static_cast<u64>(what.ids[row]));
    float numbers[PER_THREAD];
    Type type = static_cast<Type>(what.outType);
    for (u32 s = 0; s < what.scales; s++) {
        if (s == 0 || what.given != nullptr) {
            place.given = what.given == nullptr ? nullptr : what.given + s * what.givenStride;
            make_eight(args, place, column, count, numbers);
        }
        u64 to = s * what.outStride + static_cast<u64>(row) * what.width + column;
        float values[PER_THREAD] = {};
        if (what.accumulate != 0) {
            load_eight(what.out, type, to, count, values);
        }
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            values[i] = what.accumulate != 0 ? __fadd_rn(values[i], numbers[i]) : numbers[i];
        }
        store_eight(what.out, type, to, count, values);
    }
}

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_gptq(UnpackArgs<Gptq> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_gptq)

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_awq(UnpackArgs<Awq> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_awq)

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_rows(UnpackArgs<PackedRows> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_rows)

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_bytes(UnpackArgs<ScaledBytes> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_bytes)

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_mxfp4(UnpackArgs<Microscaled> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_mxfp4)

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_table(UnpackArgs<Table> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_table)

extern "C" __global__ void __launch_bounds__(256) millrace_unpack_gguf(UnpackArgs<Gguf> args) { unpack_rows(args); }
MILLRACE_KERNEL(millrace_unpack_gguf)
