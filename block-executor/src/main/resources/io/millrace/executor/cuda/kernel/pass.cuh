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

// Up to STORE on parameters; then, with DECAY and TERM, on what updates gather; from Z on over registers of an
// element, whose numbers stand above the kind: 8 bits each for the one written and both operands.
enum FoldKind : u32 {
    DECAY = 0,
    TERM = 1,
    ROUND = 2,
    STORE = 3,
    START = 4,
    KEEP = 5,
    SLOPE = 6,
    RATE = 7,
    Z = 16,
    FILL = 17,
    SCALE = 18,
    FMA = 19,
    ADD = 20,
    MULTIPLY = 21,
    DIVIDE = 22,
    MAX = 23,
    ROOT = 24,
    SIGN = 25
};

// Of a program over elements: the parameter, three states, four of scratch.
constexpr u32 MAX_STATES = 3;
constexpr u32 REGISTERS = 8;

// Threads of a block that runs programs: its registers take 32 KiB of shared memory.
constexpr u32 PROGRAM_BLOCK = 128;
