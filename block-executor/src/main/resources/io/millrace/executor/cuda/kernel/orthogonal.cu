// An estimate that is made orthogonal, nearly, before a matrix gathers it: Newton-Schulz as io.millrace.executor.cpu.param
// has it. X has the values of float32; sums are double, each product and each sum rounded, in the order that the
// processor has. So its bits are the same; a thread takes a whole sum, however long.
#include "thin.cuh"

struct EstimateArgs {
    const FoldOp *slopes; // of the terms, in order
    float *out; // G, [rank][columns]
    u64 elements;
    u32 count;
    u32 tensor;
    u32 stream;
    u32 unused; // arguments are whole 8-byte words
};

// G = sum of slope * u, in order. grid: ceil(elements / (8 * block))
extern "C" __global__ void __launch_bounds__(256) millrace_estimate(EstimateArgs args) {
    u64 element = (static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x) * PER_THREAD;
    if (element >= args.elements) {
        return;
    }
    u32 count = args.elements - element < PER_THREAD ? static_cast<u32>(args.elements - element) : PER_THREAD;
    float sum[PER_THREAD] = {};
    for (u32 k = 0; k < args.count; k++) {
        FoldOp term = args.slopes[k];
        if (term.kind != SLOPE) {
            continue;
        }
        float z[PER_THREAD];
        gaussian_four(args.stream, term.seed, element >> 2, args.tensor, z);
        gaussian_four(args.stream, term.seed, (element >> 2) + 1, args.tensor, z + 4);
        add_eight(sum, z, term.value);
    }
    store_eight(args.out, F32, element, count, sum);
}
MILLRACE_KERNEL(millrace_estimate)

struct NewtonSchulzArgs {
    float *x; // [rank][columns]
    float *next; // the same of the iteration that comes
    double *gram; // [rank][rank]
    double *product; // [rank][rank]; and what squares sum to, a row each
    u64 columns;
    u32 rank;
    u32 unused; // arguments are whole 8-byte words
};

// The sum of the squares of each row. grid: ceil(rank / block)
extern "C" __global__ void __launch_bounds__(256) millrace_orthogonal_squares(NewtonSchulzArgs args) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= args.rank) {
        return;
    }
    const float *x = args.x + row * args.columns;
    double sum = 0.0;
    for (u64 column = 0; column < args.columns; column++) {
        double value = static_cast<double>(x[column]);
        sum = __dadd_rn(sum, __dmul_rn(value, value));
    }
    args.product[row] = sum;
}
MILLRACE_KERNEL(millrace_orthogonal_squares)

// Divides by the norm; the sums of squares are summed by every thread. grid: ceil(rank * columns / block)
extern "C" __global__ void __launch_bounds__(256) millrace_orthogonal_begin(NewtonSchulzArgs args) {
    u64 element = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (element >= args.rank * args.columns) {
        return;
    }
    double squares = 0.0;
    for (u32 row = 0; row < args.rank; row++) {
        squares = __dadd_rn(squares, args.product[row]);
    }
    double unit = __dadd_rn(__dsqrt_rn(squares), 1e-7);
    args.x[element] = __double2float_rn(__ddiv_rn(static_cast<double>(args.x[element]), unit));
}
MILLRACE_KERNEL(millrace_orthogonal_begin)

// A = X X^T. grid: ceil(rank * rank / block)
extern "C" __global__ void __launch_bounds__(256) millrace_orthogonal_gram(NewtonSchulzArgs args) {
    u32 item = blockIdx.x * blockDim.x + threadIdx.x;
    if (item >= args.rank * args.rank) {
        return;
    }
    const float *a = args.x + item / args.rank * args.columns;
    const float *b = args.x + item % args.rank * args.columns;
    double sum = 0.0;
    for (u64 column = 0; column < args.columns; column++) {
        sum = __dadd_rn(sum, __dmul_rn(static_cast<double>(a[column]), static_cast<double>(b[column])));
    }
    args.gram[item] = sum;
}
MILLRACE_KERNEL(millrace_orthogonal_gram)

// B = -4.7750 A + 2.0315 A A. grid: ceil(rank * rank / block)
extern "C" __global__ void __launch_bounds__(256) millrace_orthogonal_square(NewtonSchulzArgs args) {
    u32 item = blockIdx.x * blockDim.x + threadIdx.x;
    if (item >= args.rank * args.rank) {
        return;
    }
    u32 row = item / args.rank;
    u32 column = item % args.rank;
    double sum = 0.0;
    for (u32 k = 0; k < args.rank; k++) {
        sum = __dadd_rn(sum, __dmul_rn(args.gram[k * args.rank + column], args.gram[row * args.rank + k]));
    }
    args.product[item] = __dadd_rn(__dmul_rn(args.gram[item], -4.7750), __dmul_rn(sum, 2.0315));
}
MILLRACE_KERNEL(millrace_orthogonal_square)

// The next X = 3.4445 X + B^T X. grid: ceil(rank * columns / block)
extern "C" __global__ void __launch_bounds__(256) millrace_orthogonal_next(NewtonSchulzArgs args) {
    u64 element = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (element >= args.rank * args.columns) {
        return;
    }
    u64 row = element / args.columns;
    u64 column = element % args.columns;
    double sum = __dmul_rn(static_cast<double>(args.x[element]), 3.4445);
    for (u32 k = 0; k < args.rank; k++) {
        double value = static_cast<double>(args.x[k * args.columns + column]);
        sum = __dadd_rn(sum, __dmul_rn(args.product[k * args.rank + row], value));
    }
    args.next[element] = __double2float_rn(sum);
}
MILLRACE_KERNEL(millrace_orthogonal_next)

struct GatherAlongArgs {
    float *left; // what a matrix gathers
    const float *along; // what an update moves it along
    const FoldOp *ops; // of that update
    u64 elements;
    u32 count;
    u32 unused; // arguments are whole 8-byte words
};

// grid: ceil(elements / (8 * block))
extern "C" __global__ void __launch_bounds__(256) millrace_gather_along(GatherAlongArgs args) {
    u64 element = (static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x) * PER_THREAD;
    if (element >= args.elements) {
        return;
    }
    u32 count = args.elements - element < PER_THREAD ? static_cast<u32>(args.elements - element) : PER_THREAD;
    float left[PER_THREAD];
    float along[PER_THREAD];
    float before[PER_THREAD] = {};
    load_eight(args.left, F32, element, count, left);
    load_eight(args.along, F32, element, count, along);
    for (u32 op = 0; op < args.count; op++) {
        FoldOp step = args.ops[op];
        switch (step.kind) {
        case START:
#pragma unroll
            for (u32 i = 0; i < PER_THREAD; i++) {
                left[i] = 0.0f;
            }
            break;
        case DECAY: scale_eight(left, step.value); break;
        case BEGIN_SUM: begin_sum(left, step.value, before); break;
        case END_SUM: end_sum(left, before); break;
        case RATE: add_eight(left, along, step.value); break;
        default: break; // what vectors gather, and what the estimate is of
        }
    }
    store_eight(args.left, F32, element, count, left);
}
MILLRACE_KERNEL(millrace_gather_along)
