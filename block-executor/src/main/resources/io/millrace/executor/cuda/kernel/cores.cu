// Directions with a core between fixed factors, z = k U C V^T: the factors of a window, cores, and the left sides
// w = U (k C). Factors and sides that products read are transposed, [r, n] and [r, m].
#include "random.cuh"

struct FixedArgs {
    float *out; // [rank][rows]; or null
    double *wide; // [rows][rank], before columns are made orthonormal; or null
    u64 seed;
    u64 rows;
    u32 rank;
    u32 tensor;
    u32 stream;
    u32 unused; // arguments are whole 8-byte words
};

// What a fixed factor is filled with. grid: ceil(rows * rank / (4 * block))
extern "C" __global__ void __launch_bounds__(256) millrace_fixed(FixedArgs args) {
    u64 block = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 elements = args.rows * args.rank;
    if (block * 4 >= elements) {
        return;
    }
    float z[4];
    gaussian_four(args.stream, args.seed, block, args.tensor, z);
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
        u64 element = block * 4 + i;
        if (element >= elements) {
            break;
        }
        if (args.wide != nullptr) {
            args.wide[element] = static_cast<double>(z[i]);
        } else {
            args.out[element % args.rank * args.rows + element / args.rank] = z[i];
        }
    }
}
MILLRACE_KERNEL(millrace_fixed)

struct OrthonormalArgs {
    double *columns; // [rows][rank]; written over
    float *out; // [rank][rows]
    u64 rows;
    u32 rank;
    u32 unused; // arguments are whole 8-byte words
};

// Modified Gram-Schmidt in double: a column is divided by its length, and what lies along it taken out of all later
// ones, a thread each. Sums run over rows in order, so that they are the host's. grid: 1
extern "C" __global__ void __launch_bounds__(256) millrace_orthonormal(OrthonormalArgs args) {
    __shared__ double length;
    u64 rank = args.rank;
    double *q = args.columns;
    if (threadIdx.x == 0) {
        double squares = 0.0;
        for (u64 row = 0; row < args.rows; row++) {
            squares = __dadd_rn(squares, __dmul_rn(q[row * rank], q[row * rank]));
        }
        length = __dsqrt_rn(squares);
    }
    __syncthreads();
    for (u64 column = 0; column < rank; column++) {
        for (u64 row = threadIdx.x; row < args.rows; row += blockDim.x) {
            double value = __ddiv_rn(q[row * rank + column], length);
            q[row * rank + column] = value;
            args.out[column * args.rows + row] = __double2float_rn(value);
        }
        __syncthreads();
        for (u64 later = column + 1 + threadIdx.x; later < rank; later += blockDim.x) {
            double dot = 0.0;
            for (u64 row = 0; row < args.rows; row++) {
                dot = __dadd_rn(dot, __dmul_rn(q[row * rank + column], q[row * rank + later]));
            }
            double squares = 0.0;
            for (u64 row = 0; row < args.rows; row++) {
                double along = __dmul_rn(dot, q[row * rank + column]);
                double value = __dsub_rn(q[row * rank + later], along);
                q[row * rank + later] = value;
                squares = __dadd_rn(squares, __dmul_rn(value, value));
            }
            if (later == column + 1) {
                length = __dsqrt_rn(squares); // of the column that comes next, which is done now
            }
        }
        __syncthreads();
    }
}
MILLRACE_KERNEL(millrace_orthonormal)

struct CoreArgs {
    float *out; // [scale][elements], or [elements] of a fold
    const float *gathered; // zero where null
    u64 seed;
    u64 elements;
    u32 tensor;
    u32 stream;
    u32 scales; // 0 for a fold
    float factor; // k
    float scale[4];
};

// k (gathered + s C) of every scale, or k gathered. grid: ceil(elements / (4 * block))
extern "C" __global__ void __launch_bounds__(256) millrace_cores(CoreArgs args) {
    u64 block = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (block * 4 >= args.elements) {
        return;
    }
    float z[4] = {};
    if (args.scales != 0) {
        gaussian_four(args.stream, args.seed, block, args.tensor, z);
    }
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
        u64 element = block * 4 + i;
        if (element >= args.elements) {
            break;
        }
        float gathered = args.gathered == nullptr ? 0.0f : args.gathered[element];
        if (args.scales == 0) {
            args.out[element] = __fmul_rn(gathered, args.factor);
        }
#pragma unroll
        for (u32 s = 0; s < 4; s++) {
            if (s < args.scales) {
                float core = __fmaf_rn(args.scale[s], z[i], gathered);
                args.out[s * args.elements + element] = __fmul_rn(core, args.factor);
            }
        }
    }
}
MILLRACE_KERNEL(millrace_cores)

struct SidesArgs {
    const float *fixed; // U, [rank][rows]
    const float *cores; // [scale][rank][rank], or [scale][rank] of a diagonal; null where there is none
    float *out; // [scale][rank][rows], or [scale][rows][rank]
    u64 rows;
    u32 rank;
    u32 diagonal;
    u32 byRows; // how they lie
    float factor; // k, where there is no core
};

// w = U C, terms in order of rank. grid: (ceil(rows * rank / block), scales)
extern "C" __global__ void __launch_bounds__(256) millrace_sides(SidesArgs args) {
    u64 item = static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
    u64 elements = args.rows * args.rank;
    if (item >= elements) {
        return;
    }
    u32 column = static_cast<u32>(item / args.rows);
    u64 row = item % args.rows;
    u64 scale = blockIdx.y;
    float w;
    if (args.cores == nullptr) {
        w = __fmul_rn(args.fixed[item], args.factor);
    } else if (args.diagonal != 0) {
        w = __fmul_rn(args.fixed[column * args.rows + row], args.cores[scale * args.rank + column]);
    } else {
        const float *core = args.cores + scale * args.rank * args.rank + column;
        w = __fmul_rn(args.fixed[row], core[0]);
        for (u32 i = 1; i < args.rank; i++) {
            w = __fmaf_rn(args.fixed[i * args.rows + row], core[static_cast<u64>(i) * args.rank], w);
        }
    }
    u64 place = args.byRows != 0 ? row * args.rank + column : item;
    args.out[scale * elements + place] = w;
}
MILLRACE_KERNEL(millrace_sides)
