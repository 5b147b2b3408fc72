// Enough of CUDA for the kernel files to run as host code: a block's threads are fibers of the calling thread, blocks run
// one after another. Only one thread at a time may launch. x86-64 only, for the switch between fibers.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define __global__
#define __device__
#define __noinline__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))

struct uint3 {
    unsigned x, y, z;
};
struct uint2 {
    unsigned x, y;
};
struct uint4 {
    unsigned x, y, z, w;
};
struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

extern "C" void host_switch(void **from, void *to);
asm(R"(
    .text
    .globl host_switch
    .type host_switch, @function
host_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size host_switch, .-host_switch
)");

namespace host {
constexpr unsigned LANES = 32;
constexpr unsigned MAX_THREADS = 1024;
constexpr size_t STACK_BYTES = 64 << 10;
constexpr unsigned SLOT_WORDS = 16;

enum class State { READY, AT_WARP, AT_BLOCK, DONE };

struct Fiber {
    void *stack_pointer;
    uint3 index;
    unsigned linear;
    State state;
    unsigned collectives; // passed so far; its parity chooses the slots
};

struct Warp {
    unsigned waiting;
    unsigned done;
    unsigned size;
    uint32_t slots[2][LANES][SLOT_WORDS];
};

inline Fiber fibers[MAX_THREADS];
inline Warp warps[MAX_THREADS / LANES];
inline unsigned char *stacks;
inline void *scheduler;
inline Fiber *current;
inline uint3 block, block_size, grid_size;
inline unsigned threads, at_block, done;
inline const char *failure;
inline void (*body)();

inline void pause(State state) {
    Fiber *self = current;
    self->state = state;
    host_switch(&self->stack_pointer, scheduler);
}

[[noreturn]] inline void entry() {
    body();
    pause(State::DONE);
    abort();
}

inline void prepare(Fiber &fiber, unsigned linear) {
    fiber.linear = linear;
    fiber.index = {linear % block_size.x, linear / block_size.x % block_size.y, linear / (block_size.x * block_size.y)};
    fiber.state = State::READY;
    fiber.collectives = 0;
    auto top = reinterpret_cast<uintptr_t>(stacks + (linear + 1) * STACK_BYTES) & ~uintptr_t{15};
    auto *words = reinterpret_cast<void **>(top) - 8; // six registers, the entry, and its missing return address
    memset(words, 0, 8 * sizeof(void *));
    words[6] = reinterpret_cast<void *>(&entry);
    fiber.stack_pointer = words;
}

// Runs every thread as far as it gets; false when none could move.
inline bool advance() {
    bool moved = false;
    for (unsigned w = 0; w * LANES < threads; w++) {
        bool ran = true;
        while (ran) {
            ran = false;
            for (unsigned i = w * LANES; i < threads && i < (w + 1) * LANES; i++) {
                if (fibers[i].state != State::READY) {
                    continue;
                }
                current = &fibers[i];
                host_switch(&scheduler, current->stack_pointer);
                moved = ran = true;
                if (current->state == State::DONE) {
                    done++;
                    warps[w].done++;
                } else if (current->state == State::AT_BLOCK) {
                    at_block++;
                } else {
                    warps[w].waiting++;
                }
            }
            if (warps[w].waiting > 0 && warps[w].waiting == warps[w].size) {
                warps[w].waiting = 0;
                for (unsigned i = w * LANES; i < threads && i < (w + 1) * LANES; i++) {
                    fibers[i].state = State::READY;
                }
                ran = moved = true;
            }
        }
    }
    if (at_block > 0 && at_block + done == threads) {
        at_block = 0;
        for (unsigned i = 0; i < threads; i++) {
            if (fibers[i].state == State::AT_BLOCK) {
                fibers[i].state = State::READY;
            }
        }
        moved = true;
    }
    return moved;
}

inline bool run_block() {
    at_block = done = 0;
    for (unsigned i = 0; i < threads; i++) {
        prepare(fibers[i], i);
    }
    for (unsigned w = 0; w * LANES < threads; w++) {
        warps[w].waiting = warps[w].done = 0;
        warps[w].size = threads - w * LANES < LANES ? threads - w * LANES : LANES;
    }
    while (done < threads) {
        if (!advance()) {
            return false;
        }
    }
    return true;
}

// The words that another lane gave to this collective. Slots alternate: a lane can be one collective ahead, not two.
inline uint32_t (*exchange(const uint32_t *words, unsigned count))[SLOT_WORDS] {
    Warp &warp = warps[current->linear / LANES];
    auto *slots = warp.slots[current->collectives++ & 1];
    memcpy(slots[current->linear % LANES], words, count * sizeof(uint32_t));
    pause(State::AT_WARP);
    return slots;
}

template <class T> T shuffle(T value, unsigned lane) {
    static_assert(sizeof(T) == 4);
    uint32_t word;
    memcpy(&word, &value, 4);
    auto *slots = exchange(&word, 1);
    T result;
    memcpy(&result, slots[lane % LANES], 4);
    return result;
}

// What a butterfly of shuffles gives every lane: offsets 16, 8, 4, 2, 1.
template <class F> float butterfly(float value, F join) {
    uint32_t word;
    memcpy(&word, &value, 4);
    auto *slots = exchange(&word, 1);
    float values[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        memcpy(&values[lane], &slots[lane][0], 4);
    }
    for (unsigned offset = LANES / 2; offset > 0; offset /= 2) {
        for (unsigned lane = 0; lane < offset; lane++) {
            values[lane] = join(values[lane], values[lane + offset]);
        }
    }
    return values[0];
}

// What mma.m16n8k16 gives a lane: its four sums, from the fragments of all lanes.
inline void multiply_add(float (*widen)(unsigned short), float *d, const uint32_t *a, uint32_t b0, uint32_t b1) {
    uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
    auto *slots = exchange(words, 6);
    unsigned lane = current->linear % LANES;
    for (unsigned i = 0; i < 4; i++) {
        unsigned row = lane / 4 + i / 2 * 8;
        unsigned column = lane % 4 * 2 + i % 2;
        for (unsigned k = 0; k < 16; k++) {
            uint32_t left = slots[row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2];
            uint32_t right = slots[column * 4 + k % 8 / 2][4 + k / 8];
            unsigned shift = k % 2 * 16;
            d[i] += widen(static_cast<unsigned short>(left >> shift)) * widen(static_cast<unsigned short>(right >> shift));
        }
    }
}

// What ldmatrix.x2.trans gives a lane.
inline void load_turned(uint32_t *b, const unsigned short *row) {
    uint32_t words[2];
    memcpy(words, &row, sizeof row);
    auto *slots = exchange(words, 2);
    unsigned lane = current->linear % LANES;
    for (unsigned matrix = 0; matrix < 2; matrix++) {
        uint32_t pair = 0;
        for (unsigned half = 0; half < 2; half++) {
            const unsigned short *from;
            memcpy(&from, slots[matrix * 8 + lane % 4 * 2 + half], sizeof from);
            pair |= static_cast<uint32_t>(from[lane / 4]) << (16 * half);
        }
        b[matrix] = pair;
    }
}

template <class A> inline A arguments;
template <class A> inline void (*kernel)(A);
template <class A> void call() { kernel<A>(arguments<A>); }

// Null, or what went wrong.
template <class A>
const char *launch(void (*function)(A), uint3 grid, uint3 size, const void *packed, size_t packed_bytes) {
    if (packed_bytes != sizeof(A)) {
        static char text[128];
        snprintf(text, sizeof text, "%zu bytes of arguments where the kernel takes %zu", packed_bytes, sizeof(A));
        return text;
    }
    threads = size.x * size.y * size.z;
    if (threads == 0 || threads > MAX_THREADS || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 ||
        grid.z > 65535) {
        return "a grid or block that no device takes";
    }
    if (stacks == nullptr) {
        stacks = static_cast<unsigned char *>(malloc(MAX_THREADS * STACK_BYTES));
    }
    memcpy(static_cast<void *>(&arguments<A>), packed, sizeof(A));
    kernel<A> = function;
    body = &call<A>;
    block_size = size;
    grid_size = grid;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++) {
                block = {x, y, z};
                if (!run_block()) {
                    return "threads wait for each other at different barriers";
                }
            }
        }
    }
    return nullptr;
}
} // namespace host

#define threadIdx (host::current->index)
#define blockIdx (host::block)
#define blockDim (host::block_size)
#define gridDim (host::grid_size)

inline void __syncthreads() { host::pause(host::State::AT_BLOCK); }
inline void __syncwarp(unsigned = 0xFFFFFFFFu) {
    uint32_t nothing = 0;
    host::exchange(&nothing, 1);
}
template <class T> T __shfl_sync(unsigned, T value, int lane) { return host::shuffle(value, static_cast<unsigned>(lane)); }
template <class T> T __shfl_xor_sync(unsigned, T value, int mask) {
    return host::shuffle(value, host::current->linear ^ static_cast<unsigned>(mask));
}

// One thread runs at a time.
inline unsigned atomicMax(unsigned *place, unsigned value) {
    unsigned before = *place;
    *place = value > before ? value : before;
    return before;
}

inline uint32_t __float_as_uint(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}
inline float __uint_as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return std::sqrt(a); }
inline float __double2float_rn(double a) { return static_cast<float>(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline uint32_t __umulhi(uint32_t a, uint32_t b) { return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32); }

inline float host_half_to_float(unsigned short bits) {
    _Float16 half;
    memcpy(&half, &bits, 2);
    return static_cast<float>(half);
}
inline float host_bfloat16_to_float(unsigned short bits) { return __uint_as_float(static_cast<uint32_t>(bits) << 16); }
inline unsigned short host_float_to_half(float value) {
    _Float16 half = static_cast<_Float16>(value);
    unsigned short bits;
    memcpy(&bits, &half, 2);
    return bits;
}

#define MILLRACE_KERNEL(name)                                                                                          \
    extern "C" const char *entry_##name(unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,   \
                                       const void *packed, unsigned long packed_bytes) {                               \
        return host::launch(&name, uint3{gx, gy, gz}, uint3{bx, by, bz}, packed, packed_bytes);                        \
    }
#define MILLRACE_DYNAMIC_SHARED(name) static unsigned char name[160 << 10] __attribute__((aligned(16)))
