// What passes over parameters share: the program that brings them up to date, and how many scales a probe has.
#pragma once
#include "random.cuh"

constexpr u32 MAX_SCALES = 4;

// One step of a program; 16 bytes, made by FoldPrograms.java.
struct FoldOp {
    u64 seed;
    float value;
    u32 kind;
};

// Up to STORE on parameters; the others, DECAY and TERM on what updates gather.
enum FoldKind : u32 { DECAY = 0, TERM = 1, ROUND = 2, STORE = 3, START = 4, KEEP = 5, SLOPE = 6, RATE = 7 };
