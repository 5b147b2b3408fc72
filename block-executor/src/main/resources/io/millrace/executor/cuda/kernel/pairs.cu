// Directions whose queries have both thin factors of their own, z = k A B^T: an update is a sum of as many products as it
// has terms, which are added to a matrix as those of dense directions are. Factors are made first, for all rows.
#include "thin.cuh"

struct PairTermsArgs {
    const FoldOp *ops; // whose TERMs these are
    float *lefts; // k (c A), [term][rank][rows]
    float *rights; // B, [term][rank][columns]
    u64 rows;
    u64 columns;
    u32 opCount;
    u32 rank;
    u32 tensor;
    u32 leftStream;
    u32 rightStream;
    float factor; // k
};

// The factors of all terms. grid: (ceil(most elements of a factor / (4 * block)), 2)
extern "C" __global__ void __launch_bounds__(256) millrace_pair_terms(PairTermsArgs args) {
    u64 block = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    bool left = blockIdx.y == 0;
    u64 length = left ? args.rows : args.columns;
    u64 elements = length * args.rank;
    float *out = left ? args.lefts : args.rights;
    for (u32 op = 0; op < args.opCount && block * 4 < elements; op++) {
        FoldOp term = args.ops[op];
        if (term.kind != TERM) {
            continue;
        }
        float z[4];
        gaussian_four(left ? args.leftStream : args.rightStream, term.seed, block, args.tensor, z);
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            u64 element = block * 4 + i;
            if (element >= elements) {
                break;
            }
            float w = __fmul_rn(__fmaf_rn(term.value, z[i], 0.0f), args.factor);
            out[element % args.rank * length + element / args.rank] = left ? w : z[i];
        }
        out += elements;
    }
}
MILLRACE_KERNEL(millrace_pair_terms)

// A stored matrix, and what brings it up to date.
struct PairMatrix {
    void *stored; // element 0
    const FoldOp *ops;
    const float *lefts; // of the TERMs among them, [term][rank][rows]
    const float *rights; // [term][rank][columns]
    u64 rows;
    u64 columns;
    u32 opCount;
    u32 rank;
    u32 type;
    u32 tensor;
    u32 stochastic;
    u32 stores;
};

// Elements of one row as they are now, stored where the program says so.
__device__ __forceinline__ void fold_pairs(const PairMatrix &matrix, u64 row, u64 column, u32 count, float *p) {
    Type type = static_cast<Type>(matrix.type);
    u64 element = row * matrix.columns + column;
    load_eight(matrix.stored, type, element, count, p);
    float before[PER_THREAD] = {};
    const float *left = matrix.lefts + row;
    u64 line = 0;
    for (u32 op = 0; op < matrix.opCount; op++) {
        FoldOp step = matrix.ops[op];
        switch (step.kind) {
        case BEGIN_SUM: begin_sum(p, step.value, before); break;
        case END_SUM: end_sum(p, before); break;
        case DECAY: scale_eight(p, step.value); break;
        case TERM:
            for (u32 j = 0; j < matrix.rank; j++, line++) {
                add_thin(matrix.rights, matrix.columns, line, left[line * matrix.rows], column, count, p);
            }
            break;
        case ROUND: round_eight(type, matrix.stochastic != 0, step.seed, matrix.tensor, element, p); break;
        default:
            if (matrix.stores != 0) {
                store_eight(matrix.stored, type, element, count, p);
            }
            break;
        }
    }
}

struct PairFormArgs {
    PairMatrix matrix;
    void *out; // of the first row; null only folds
    u64 first; // row
    u64 rows;
    u32 outType;
    u32 unused; // arguments are whole 8-byte words
};

// Rows as products read them beside thin ones. grid: ceil(rows * ceil(columns / 8) / block)
extern "C" __global__ void __launch_bounds__(256) millrace_pair_form(PairFormArgs args) {
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
    fold_pairs(args.matrix, args.first + row, column, count, p);
    if (args.out != nullptr) {
        store_eight(args.out, static_cast<Type>(args.outType), row * columns + column, count, p);
    }
}
MILLRACE_KERNEL(millrace_pair_form)

struct PairRowsArgs {
    PairMatrix matrix;
    RowsBeside beside;
};

// Rows of a table, perturbed as they are looked up; the table itself stays as it is.
// grid: (rows, ceil(columns / (8 * block)))
extern "C" __global__ void __launch_bounds__(256) millrace_pair_rows(PairRowsArgs args) {
    u64 columns = args.matrix.columns;
    u64 column = (static_cast<u64>(blockIdx.y) * blockDim.x + threadIdx.x) * PER_THREAD;
    if (column >= columns) {
        return;
    }
    u32 count = columns - column < PER_THREAD ? static_cast<u32>(columns - column) : PER_THREAD;
    u64 id = id_of_row(args.beside);
    float p[PER_THREAD];
    fold_pairs(args.matrix, id, column, count, p);
    show_row(args.beside, id, column, count, p);
}
MILLRACE_KERNEL(millrace_pair_rows)
