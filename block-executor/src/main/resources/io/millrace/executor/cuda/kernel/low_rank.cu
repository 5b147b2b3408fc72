// What updates of thin factors gather, whatever their core, and matrices as they are folded; low-rank directions,
// z = U V^T / sqrt(r), and the thin factors of their queries. L and N lie [m, r]; what products read is transposed, V [r, n] and the sides [r, m].
#include "thin.cuh"

// One tensor of a block; made by CudaFactors.java.
struct GatheredTensor {
    float *left; // L or another core of a matrix, or the sums of another tensor
    float *momentum; // N, or null
    u64 elements; // of left
    u32 id;
    u32 matrix; // 0: dense directions, and no decay
};

struct GatherArgs {
    const GatheredTensor *tensors;
    const FoldOp *ops;
    u32 opCount;
    u32 stream; // that matrices take what they gather from; 0 where they gather otherwise
};

// Moves what the updates of a block have gathered along some steps, all tensors in one launch.
// grid: (ceil(most elements / (8 * block)), tensors)
extern "C" __global__ void __launch_bounds__(256) millrace_gather(GatherArgs args) {
    GatheredTensor tensor = args.tensors[blockIdx.y];
    u64 element = (static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x) * PER_THREAD;
    if (element >= tensor.elements || (tensor.matrix != 0 && args.stream == 0)) {
        return;
    }
    u32 count = tensor.elements - element < PER_THREAD ? static_cast<u32>(tensor.elements - element) : PER_THREAD;
    bool matrix = tensor.matrix != 0;
    bool hasMomentum = tensor.momentum != nullptr;
    u32 stream = matrix ? args.stream : DENSE_Z;
    float left[PER_THREAD];
    float before[PER_THREAD];
    float momentum[PER_THREAD] = {};
    load_eight(tensor.left, F32, element, count, left);
    if (hasMomentum) {
        load_eight(tensor.momentum, F32, element, count, momentum);
    }
    for (u32 op = 0; op < args.opCount; op++) {
        FoldOp step = args.ops[op];
        if ((step.kind == TERM && !hasMomentum) || (step.kind == SLOPE && hasMomentum)) {
            float z[PER_THREAD];
            gaussian_four(stream, step.seed, element >> 2, tensor.id, z);
            gaussian_four(stream, step.seed, (element >> 2) + 1, tensor.id, z + 4);
            if (hasMomentum) {
                add_eight(momentum, z, step.value);
            } else {
                add_eight(left, z, step.value);
            }
        } else if (step.kind == START) {
#pragma unroll
            for (u32 i = 0; i < PER_THREAD; i++) {
                left[i] = 0.0f;
            }
        } else if (step.kind == DECAY && matrix) {
            scale_eight(left, step.value);
        } else if (step.kind == BEGIN_SUM && matrix) {
            begin_sum(left, step.value, before);
        } else if (step.kind == END_SUM && matrix) {
            end_sum(left, before);
        } else if (step.kind == KEEP && hasMomentum) {
            scale_eight(momentum, step.value);
        } else if (step.kind == RATE && hasMomentum) {
            add_eight(left, momentum, step.value);
        }
    }
    store_eight(tensor.left, F32, element, count, left);
    if (hasMomentum) {
        store_eight(tensor.momentum, F32, element, count, momentum);
    }
}
MILLRACE_KERNEL(millrace_gather)

struct FactorArgs {
    float *right; // V, [copy][rank][columns]; or null
    float *sides; // k (L + s U), [scale][rank][rows]; or null
    const float *left; // L; zero where null
    u64 rightSeed;
    u64 sideSeed;
    u64 rows;
    u64 columns;
    u32 rank;
    u32 tensor;
    u32 scales;
    float factor; // k
    float scale[MAX_SCALES];
    u32 leftStream; // of U
    u32 rightStream; // of V
    u32 copies; // of V, one after another
    u32 unused; // arguments are whole 8-byte words
};

// Writes thin factors as products read them. grid: (ceil(most elements / (4 * block)), 2)
extern "C" __global__ void __launch_bounds__(256) millrace_factors(FactorArgs args) {
    u64 block = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    bool sides = blockIdx.y != 0;
    u64 length = sides ? args.rows : args.columns;
    u64 elements = length * args.rank;
    if (block * 4 >= elements || (sides ? args.sides : args.right) == nullptr) {
        return;
    }
    float z[4];
    u32 stream = sides ? args.leftStream : args.rightStream;
    gaussian_four(stream, sides ? args.sideSeed : args.rightSeed, block, args.tensor, z);
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
        u64 element = block * 4 + i;
        if (element >= elements) {
            break;
        }
        u64 place = element % args.rank * length + element / args.rank;
        if (!sides) {
            for (u32 copy = 0; copy < args.copies; copy++) {
                args.right[copy * elements + place] = z[i];
            }
            continue;
        }
        float left = args.left == nullptr ? 0.0f : args.left[element];
#pragma unroll
        for (u32 s = 0; s < MAX_SCALES; s++) {
            if (s < args.scales) {
                float side = __fmaf_rn(args.scale[s], z[i], left);
                args.sides[s * elements + place] = __fmul_rn(side, args.factor);
            }
        }
    }
}
MILLRACE_KERNEL(millrace_factors)

struct OverlapArgs {
    const float *before; // V of a window, [rank][columns]
    const float *after; // V of the next
    float *out; // [rank][rank]
    u64 columns;
    u32 rank;
    u32 unused; // arguments are whole 8-byte words
};

// V_old^T V_new / n, the products summed in order. grid: ceil(rank * rank / block)
extern "C" __global__ void __launch_bounds__(256) millrace_overlap(OverlapArgs args) {
    u32 item = blockIdx.x * blockDim.x + threadIdx.x;
    if (item >= args.rank * args.rank) {
        return;
    }
    const float *before = args.before + item / args.rank * args.columns;
    const float *after = args.after + item % args.rank * args.columns;
    double sum = 0.0;
    for (u64 i = 0; i < args.columns; i++) {
        sum += static_cast<double>(before[i]) * static_cast<double>(after[i]); // the product is exact
    }
    args.out[item] = static_cast<float>(sum / static_cast<double>(args.columns));
}
MILLRACE_KERNEL(millrace_overlap)

struct TurnArgs {
    const float *in; // N, [rows][rank]
    const float *overlap; // [rank][rank]
    float *out; // another place
    u64 elements;
    u32 rank;
    u32 unused; // arguments are whole 8-byte words
};

// N times the overlap. grid: ceil(elements / block)
extern "C" __global__ void __launch_bounds__(256) millrace_turn(TurnArgs args) {
    u64 element = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (element >= args.elements) {
        return;
    }
    u32 column = static_cast<u32>(element % args.rank);
    const float *row = args.in + (element - column);
    float sum = __fmul_rn(row[0], args.overlap[column]);
    for (u32 i = 1; i < args.rank; i++) {
        sum = __fmaf_rn(row[i], args.overlap[i * args.rank + column], sum);
    }
    args.out[element] = sum;
}
MILLRACE_KERNEL(millrace_turn)

// A stored matrix, and what is folded into it: round(theta + its decay + L V^T / sqrt(r)).
struct ThinMatrix {
    void *stored; // element 0
    const float *left; // L [m, r]; null folds nothing
    const float *right; // V [r, n] of the window that L belongs to
    u64 seed; // of rounding
    u64 columns;
    u32 type;
    u32 tensor;
    u32 rank;
    u32 stochastic;
    u32 stores;
    float factor; // 1 / sqrt(r)
    float decay; // on theta
    float share; // of theta, from which the sum begins; or 0
};

// Elements of one row with what is folded by now, stored where that is asked for.
__device__ __forceinline__ void fold_thin(const ThinMatrix &matrix, u64 row, u64 column, u32 count, float *p) {
    Type type = static_cast<Type>(matrix.type);
    u64 element = row * matrix.columns + column;
    load_eight(matrix.stored, type, element, count, p);
    if (matrix.left == nullptr) {
        return;
    }
    float before[PER_THREAD];
    begin_thin(p, matrix.decay, matrix.share, before);
    for (u32 j = 0; j < matrix.rank; j++) {
        float w = __fmul_rn(matrix.left[row * matrix.rank + j], matrix.factor);
        add_thin(matrix.right, matrix.columns, j, w, column, count, p);
    }
    if (matrix.share != 0.0f) {
        end_sum(p, before);
    }
    round_eight(type, matrix.stochastic != 0, matrix.seed, matrix.tensor, element, p);
    if (matrix.stores != 0) {
        store_eight(matrix.stored, type, element, count, p);
    }
}

struct ThinFormArgs {
    ThinMatrix matrix;
    void *out; // of the first row; null only folds
    u64 first; // row
    u64 rows;
    u32 outType;
    u32 unused; // arguments are whole 8-byte words
};

// Rows as products read them beside thin ones. grid: ceil(rows * ceil(columns / 8) / block)
extern "C" __global__ void __launch_bounds__(256) millrace_thin_form(ThinFormArgs args) {
    u64 columns = args.matrix.columns;
    u64 pieces = (columns + PER_THREAD - 1) / PER_THREAD;
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 row = item / pieces;
    if (row >= args.rows) {
        return;
    }
    u64 column = item % pieces * PER_THREAD;
    u32 count = columns - column < PER_THREAD ? static_cast<u32>(columns - column) : PER_THREAD;
    float p[PER_THREAD];
    fold_thin(args.matrix, args.first + row, column, count, p);
    if (args.out != nullptr) {
        store_eight(args.out, static_cast<Type>(args.outType), row * columns + column, count, p);
    }
}
MILLRACE_KERNEL(millrace_thin_form)

struct ThinRowsArgs {
    ThinMatrix matrix;
    RowsBeside beside;
};

// Rows of a table, perturbed as they are looked up; the table itself stays as it is.
// grid: (rows, ceil(columns / (8 * block)))
extern "C" __global__ void __launch_bounds__(256) millrace_thin_rows(ThinRowsArgs args) {
    u64 columns = args.matrix.columns;
    u64 column = (static_cast<u64>(blockIdx.y) * blockDim.x + threadIdx.x) * PER_THREAD;
    if (column >= columns) {
        return;
    }
    u32 count = columns - column < PER_THREAD ? static_cast<u32>(columns - column) : PER_THREAD;
    u64 id = id_of_row(args.beside);
    float p[PER_THREAD];
    fold_thin(args.matrix, id, column, count, p);
    show_row(args.beside, id, column, count, p);
}
MILLRACE_KERNEL(millrace_thin_rows)
