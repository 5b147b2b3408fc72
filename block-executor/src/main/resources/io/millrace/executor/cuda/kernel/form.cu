// The fused pass over parameters: widen, apply the pending updates, store what is due, and write theta + s z for
// every scale of a query from one generation of z, in the type that products read. One read of theta.
#include "mask.cuh"
#include "pass.cuh"

enum PassFlags : u32 { VECTOR = 1, STOCHASTIC = 2, STORES = 4, PROBES = 8 };

// What is the same for every element of a tensor in a pass.
struct Pass {
    void *stored; // element 0 of the tensor
    const FoldOp *ops;
    const float *sums; // what updates add to each element, gathered before; or null
    u64 seed; // of the query
    u32 opCount;
    u32 tensor;
    u32 storedType;
    u32 direction;
    u32 flags;
    u32 scales; // outputs
    float scale[MAX_SCALES];
    u32 states; // numbers that lie beside each element
    float reach; // 1 / sqrt(elements of the tensor)
    u32 shapeCount; // steps that make what takes the place of z; 0 leaves z
    void *state[MAX_STATES];
    u64 stateType[MAX_STATES];
    const FoldOp *shape;
    Mask mask;
};

// A step without decay begins its sum at 0 itself, whatever the parameter is.
__device__ __forceinline__ void begin_masked_sum(float *values, float share, float *before) {
    begin_sum(values, share, before);
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        values[i] = share == 0.0f ? 0.0f : values[i];
    }
}

// Brings eight elements up to date in float32, and stores them where the program says so. With a mask every step is a
// sum, so that all its terms see the parameters as they were before.
template <bool MASKED>
__device__ __forceinline__ void fold_eight(const Pass &pass, u64 element, u32 count, float *p) {
    Type type = static_cast<Type>(pass.storedType);
    Direction direction = static_cast<Direction>(pass.direction);
    load_eight(pass.stored, type, element, count, p);
    if (pass.sums != nullptr) {
        float sums[PER_THREAD];
        load_eight(pass.sums, F32, element, count, sums);
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            p[i] = __fadd_rn(p[i], sums[i]);
        }
    }
    float before[PER_THREAD] = {};
    u64 ofStep = 0;
    u32 leave = MASKED ? leave_of_eight(pass.mask, element) : ALL_EIGHT;
    for (u32 op = 0; op < pass.opCount; op++) {
        FoldOp step = pass.ops[op];
        switch (step.kind) {
        case STEP: ofStep = step.seed; break;
        case BEGIN_SUM:
            if (MASKED) {
                begin_masked_sum(p, (pass.flags & VECTOR) == 0 ? step.value : 0.0f, before);
            } else if ((pass.flags & VECTOR) == 0) {
                begin_sum(p, step.value, before);
            }
            break;
        case END_SUM:
            if (MASKED || (pass.flags & VECTOR) == 0) {
                end_sum(p, before);
            }
            break;
        case DECAY:
            if ((pass.flags & VECTOR) == 0) {
#pragma unroll
                for (u32 i = 0; i < PER_THREAD; i++) {
                    p[i] = __fmul_rn(p[i], step.value);
                }
            }
            break;
        case TERM: {
            float z[PER_THREAD];
            if (MASKED) {
                eight_masked_z(pass.mask, ofStep, leave, direction, step.seed, pass.tensor, element, before, z);
            } else {
                eight_z(direction, step.seed, pass.tensor, element, z);
            }
#pragma unroll
            for (u32 i = 0; i < PER_THREAD; i++) {
                p[i] = __fmaf_rn(step.value, z[i], p[i]);
            }
            break;
        }
        case ROUND: round_eight(type, (pass.flags & STOCHASTIC) != 0, step.seed, pass.tensor, element, p); break;
        default:
            if ((pass.flags & STORES) != 0) {
                store_eight(pass.stored, type, element, count, p);
            }
            break;
        }
    }
}

// Which register an operation names is known to the program alone: they lie in shared memory, a column a thread.
typedef float Register[PER_THREAD][PROGRAM_BLOCK];

__device__ __forceinline__ void take_eight(const Register &from, float *values) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        values[i] = from[i][threadIdx.x];
    }
}

__device__ __forceinline__ void put_eight(const float *values, Register &to) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        to[i][threadIdx.x] = values[i];
    }
}

// One operation on registers of eight elements each; every one is rounded once, to nearest. A mask is that of a step.
__device__ __forceinline__ void run_eight(
    const Pass &pass, const FoldOp &step, u64 ofStep, u32 leave, u64 element, Register *r) {
    u32 kind = step.kind & 255;
    float a[PER_THREAD];
    float b[PER_THREAD];
    if (kind == Z) {
        Direction direction = static_cast<Direction>(pass.direction);
        take_eight(r[0], b);
        eight_masked_z(pass.mask, ofStep, leave, direction, step.seed, pass.tensor, element, b, a);
        put_eight(a, r[step.kind >> 8 & 255]);
        return;
    }
    take_eight(r[step.kind >> 16 & 255], a);
    take_eight(r[step.kind >> 24 & 255], b);
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        switch (kind) {
        case FILL: a[i] = step.value; break;
        case BY_TENSOR: a[i] = pass.states == 0 ? 0.0f : __fmul_rn(step.value, a[i]); break;
        case SCALE: a[i] = __fmul_rn(step.value, a[i]); break;
        case FMA: a[i] = __fmaf_rn(step.value, a[i], b[i]); break;
        case ADD: a[i] = __fadd_rn(a[i], b[i]); break;
        case MULTIPLY: a[i] = __fmul_rn(a[i], b[i]); break;
        case DIVIDE: a[i] = __fdiv_rn(a[i], b[i]); break;
        case MAX: a[i] = a[i] > b[i] ? a[i] : b[i]; break;
        case ROOT: a[i] = __fsqrt_rn(a[i]); break;
        case REACH: a[i] = __fmul_rn(step.value, pass.reach); break;
        case SHARE: a[i] = __fmul_rn((pass.flags & VECTOR) == 0 ? step.value : 0.0f, a[i]); break;
        default: a[i] = a[i] > 0.0f ? 1.0f : (a[i] < 0.0f ? -1.0f : 0.0f); break;
        }
    }
    put_eight(a, r[step.kind >> 8 & 255]);
}

// Rounds a register to a stored type, and stores it where that is due.
__device__ __forceinline__ void settle_eight(const Pass &pass, const FoldOp &step, u32 k, u64 element, u32 count,
                                             Register &kept) {
    Type type = static_cast<Type>(k == 0 ? pass.storedType : pass.stateType[k - 1]);
    float values[PER_THREAD];
    take_eight(kept, values);
    if (step.kind == ROUND) {
        bool stochastic = k == 0 && (pass.flags & STOCHASTIC) != 0;
        round_eight(type, stochastic, step.seed, pass.tensor, element, values);
        put_eight(values, kept);
    } else if ((pass.flags & STORES) != 0) {
        store_eight(k == 0 ? pass.stored : pass.state[k - 1], type, element, count, values);
    }
}

// The same as fold_eight for programs over registers, states included; the parameters end in p, and z holds what a
// query goes along.
__device__ __forceinline__ void run_program(const Pass &pass, u64 element, u32 count, float *p, float *z) {
    __shared__ Register r[REGISTERS];
    load_eight(pass.stored, static_cast<Type>(pass.storedType), element, count, p);
    put_eight(p, r[0]);
    for (u32 k = 0; k < pass.states; k++) {
        float state[PER_THREAD];
        load_eight(pass.state[k], static_cast<Type>(pass.stateType[k]), element, count, state);
        put_eight(state, r[1 + k]);
    }
    u64 ofStep = 0;
    u32 leave = leave_of_eight(pass.mask, element);
    for (u32 op = 0; op < pass.opCount; op++) {
        FoldOp step = pass.ops[op];
        switch (step.kind) {
        case STEP: ofStep = step.seed; break;
        case DECAY:
            take_eight(r[0], p);
            for (u32 i = 0; i < PER_THREAD && (pass.flags & VECTOR) == 0; i++) {
                p[i] = __fmul_rn(p[i], step.value);
            }
            put_eight(p, r[0]);
            break;
        case ROUND:
        case STORE:
            for (u32 k = 0; k <= pass.states; k++) {
                settle_eight(pass, step, k, element, count, r[k]);
            }
            break;
        default: run_eight(pass, step, ofStep, leave, element, r); break;
        }
    }
    take_eight(r[0], p);
    if ((pass.flags & PROBES) == 0) {
        return;
    }
    if (pass.shapeCount == 0) {
        Direction direction = static_cast<Direction>(pass.direction);
        eight_masked_z(pass.mask, pass.mask.seed, leave, direction, pass.seed, pass.tensor, element, p, z);
        return;
    }
    for (u32 op = 0; op < pass.shapeCount; op++) {
        FoldOp step = pass.shape[op];
        run_eight(pass, step, pass.mask.seed, leave, element, r);
    }
    take_eight(r[SHAPED], z);
}

enum Way : u32 { SUMS = 0, MASKED_SUMS = 1, PROGRAMS = 2 };

// Eight elements as they are now, and what a query goes along.
template <Way WAY>
__device__ __forceinline__ void bring_eight(const Pass &pass, u64 element, u32 count, float *p, float *z) {
    if (WAY == PROGRAMS) {
        run_program(pass, element, count, p, z);
        return;
    }
    fold_eight<WAY == MASKED_SUMS>(pass, element, count, p);
    if ((pass.flags & PROBES) == 0) {
        return;
    }
    Direction direction = static_cast<Direction>(pass.direction);
    if (WAY == MASKED_SUMS) {
        u32 leave = leave_of_eight(pass.mask, element);
        eight_masked_z(pass.mask, pass.mask.seed, leave, direction, pass.seed, pass.tensor, element, p, z);
    } else {
        eight_z(direction, pass.seed, pass.tensor, element, z);
    }
}

// theta + s z of eight elements, all scales from the same z; a scale of 0 gives theta itself.
__device__ __forceinline__ void perturb_eight(const float *p, const float *z, float scale, float *values) {
#pragma unroll
    for (u32 i = 0; i < PER_THREAD; i++) {
        values[i] = scale == 0.0f ? p[i] : __fmaf_rn(scale, z[i], p[i]);
    }
}

struct FormArgs {
    Pass pass;
    void *out; // scale 0 of the first element; null only folds
    u64 outStride; // elements from a scale's to the next
    u64 first;
    u64 count;
    u32 outType;
    u32 unused; // arguments are whole 8-byte words
};

template <Way WAY> __device__ __forceinline__ void form(const FormArgs &args) {
    u64 at = (static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x) * PER_THREAD;
    if (at >= args.count) {
        return;
    }
    u32 count = args.count - at < PER_THREAD ? static_cast<u32>(args.count - at) : PER_THREAD;
    u64 element = args.first + at;
    float p[PER_THREAD];
    float z[PER_THREAD] = {};
    bring_eight<WAY>(args.pass, element, count, p, z);
    if (args.out == nullptr) {
        return;
    }
#pragma unroll
    for (u32 s = 0; s < MAX_SCALES; s++) {
        if (s >= args.pass.scales) {
            break;
        }
        float values[PER_THREAD];
        perturb_eight(p, z, args.pass.scale[s], values);
        store_eight(args.out, static_cast<Type>(args.outType), s * args.outStride + at, count, values);
    }
}

// grid: ceil(count / (8 * block)) blocks
extern "C" __global__ void __launch_bounds__(256) millrace_form(FormArgs args) { form<SUMS>(args); }
MILLRACE_KERNEL(millrace_form)

// The same where some elements have no z, and where updates or what a query goes along are programs; apart, since
// their registers would cost every pass.
extern "C" __global__ void __launch_bounds__(256) millrace_form_masked(FormArgs args) { form<MASKED_SUMS>(args); }
MILLRACE_KERNEL(millrace_form_masked)

extern "C" __global__ void __launch_bounds__(PROGRAM_BLOCK) millrace_form_program(FormArgs args) { form<PROGRAMS>(args); }
MILLRACE_KERNEL(millrace_form_program)

struct RowsArgs {
    Pass pass;
    void *out; // [scale][rows][width]
    const i32 *ids; // which row of the table each row takes
    u64 outStride; // elements from a scale's to the next
    u32 idOffset; // added to each id
    u32 rows;
    u32 width;
    u32 outType;
    u32 accumulate; // whether to add to what is there
    float factor; // on the formed row
};

// Rows of a table, perturbed as they are looked up; the table itself stays as it is.
template <Way WAY> __device__ __forceinline__ void rows(const RowsArgs &args) {
    u32 column = (blockIdx.y * blockDim.x + threadIdx.x) * PER_THREAD;
    u32 row = blockIdx.x;
    if (column >= args.width) {
        return;
    }
    u32 count = args.width - column < PER_THREAD ? args.width - column : PER_THREAD;
    u64 id = static_cast<u64>(args.ids[row]) + args.idOffset;
    u64 element = id * args.width + column;
    float p[PER_THREAD];
    float z[PER_THREAD] = {};
    bring_eight<WAY>(args.pass, element, count, p, z);
    Type type = static_cast<Type>(args.outType);
#pragma unroll
    for (u32 s = 0; s < MAX_SCALES; s++) {
        if (s >= args.pass.scales) {
            break;
        }
        float values[PER_THREAD];
        perturb_eight(p, z, args.pass.scale[s], values);
        u64 place = s * args.outStride + static_cast<u64>(row) * args.width + column;
        float old[PER_THREAD] = {};
        if (args.accumulate != 0) {
            load_eight(args.out, type, place, count, old);
        }
#pragma unroll
        for (u32 i = 0; i < PER_THREAD; i++) {
            float value = args.factor == 1.0f ? values[i] : __fmul_rn(values[i], args.factor);
            values[i] = args.accumulate != 0 ? __fadd_rn(old[i], value) : value;
        }
        store_eight(args.out, type, place, count, values);
    }
}

// grid: (rows, ceil(width / (8 * block)))
extern "C" __global__ void __launch_bounds__(256) millrace_rows(RowsArgs args) { rows<SUMS>(args); }
MILLRACE_KERNEL(millrace_rows)

extern "C" __global__ void __launch_bounds__(256) millrace_rows_masked(RowsArgs args) { rows<MASKED_SUMS>(args); }
MILLRACE_KERNEL(millrace_rows_masked)

extern "C" __global__ void __launch_bounds__(PROGRAM_BLOCK) millrace_rows_program(RowsArgs args) { rows<PROGRAMS>(args); }
MILLRACE_KERNEL(millrace_rows_program)
