// What passes over parameters share: the program that brings them up to date, and how many scales a query has.
#pragma once
#include "random.cuh"

constexpr u32 MAX_SCALES = 4;

// One step of a program; 16 bytes, made by FoldPrograms.java.
struct FoldOp {
    u64 seed;
    float value;
    u32 kind;
};

// Up to STORE on parameters; then, with DECAY and TERM, on what updates gather; a sum is what a step with decay adds,
// of both, and what a step with a mask adds; STEP says which step's mask is meant from there on; from Z on over
// registers of an element, whose numbers stand above the kind: 8 bits each for the one written and both operands.
enum FoldKind : u32 {
    DECAY = 0,
    TERM = 1,
    ROUND = 2,
    STORE = 3,
    START = 4,
    KEEP = 5,
    SLOPE = 6,
    RATE = 7,
    BEGIN_SUM = 8,
    END_SUM = 9,
    STEP = 10,
    Z = 16,
    FILL = 17,
    SCALE = 18,
    FMA = 19,
    ADD = 20,
    MULTIPLY = 21,
    DIVIDE = 22,
    MAX = 23,
    ROOT = 24,
    SIGN = 25,
    SHARE = 26,
    REACH = 27,
    BY_TENSOR = 28
};

// Of a program over elements: the parameter, three states, four of scratch.
constexpr u32 MAX_STATES = 3;
constexpr u32 REGISTERS = 8;
constexpr u32 SHAPED = 4; // where a program leaves what takes the place of z

// The sum of a step with decay begins at a share of what it will be added to. In its place: so terms are added as ever.
__device__ __forceinline__ void begin_sum(float *values, float share, float *before) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        before[i] = values[i];
        values[i] = __fmul_rn(share, values[i]);
    }
}

__device__ __forceinline__ void end_sum(float *values, const float *before) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        values[i] = __fadd_rn(before[i], values[i]);
    }
}

// Threads of a block that runs programs: its registers take 32 KiB of shared memory.
constexpr u32 PROGRAM_BLOCK = 128;
