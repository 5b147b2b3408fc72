// The kernels as host code, and a product that stands in for the library's.
#include "kernels.cu"

struct MatmulArgs {
    const void *x; // [batch][rows][inputs]
    const void *w; // [batch][outputs][inputs], or [batch][inputs][outputs] where it is input-major
    void *y; // [batch][rows][outputs]
    u64 strideX, strideW, strideY; // elements from one of the batch to the next
    u64 rowX, rowW, rowY; // elements from a row to the next
    u32 rows, outputs, inputs;
    u32 inputMajor, accumulate, inType, outType;
    float factor; // on each product
    u32 tf32, e4m3;
    const float *scaleX, *scaleW; // of E4M3, one a matrix
};

// The nearest number with TensorFloat-32's 10 bits of mantissa.
static float as_tf32(float value) {
    u32 bits = __float_as_uint(value);
    return __uint_as_float((bits + 0xFFFu + ((bits >> 13) & 1u)) & ~0x1FFFu);
}

static float e4m3_to_float(unsigned char code) {
    int exponent = code >> 3 & 15;
    float mantissa = static_cast<float>(code & 7);
    float size = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    size = (code & 127) == 127 ? NAN : size;
    return code & 128 ? -size : size;
}

static float operand(const MatmulArgs &a, const void *base, u64 index) {
    if (a.e4m3 != 0) {
        return e4m3_to_float(static_cast<const unsigned char *>(base)[index]);
    }
    float value = load_one(base, static_cast<Type>(a.inType), index);
    return a.tf32 != 0 ? as_tf32(value) : value;
}

// One thread for each of the batch: plain loops, summed in float32 as the library does.
extern "C" void host_matmul(MatmulArgs a) {
    Type out = static_cast<Type>(a.outType);
    u32 batch = blockIdx.x;
    std::vector<float> x(a.inputs);
    std::vector<float> w(static_cast<size_t>(a.outputs) * a.inputs);
    for (u32 o = 0; o < a.outputs; o++) {
        for (u32 i = 0; i < a.inputs; i++) {
            u64 place = a.inputMajor != 0 ? i * a.rowW + o : o * a.rowW + i;
            w[static_cast<size_t>(o) * a.inputs + i] = operand(a, a.w, batch * a.strideW + place);
        }
    }
    for (u32 r = 0; r < a.rows; r++) {
        for (u32 i = 0; i < a.inputs; i++) {
            x[i] = operand(a, a.x, batch * a.strideX + r * a.rowX + i);
        }
        for (u32 o = 0; o < a.outputs; o++) {
            const float *column = w.data() + static_cast<size_t>(o) * a.inputs;
            float sums[16] = {};
            u32 i = 0;
            for (; i + 16 <= a.inputs; i += 16) {
                for (u32 lane = 0; lane < 16; lane++) {
                    sums[lane] = __builtin_fmaf(x[i + lane], column[i + lane], sums[lane]);
                }
            }
            float sum = 0;
            for (float part : sums) {
                sum += part;
            }
            for (; i < a.inputs; i++) {
                sum = __builtin_fmaf(x[i], column[i], sum);
            }
            sum *= a.factor;
            if (a.e4m3 != 0) {
                sum *= *a.scaleX * *a.scaleW;
            }
            u64 place = batch * a.strideY + r * a.rowY + o;
            store_one(a.y, out, place, a.accumulate != 0 ? load_one(a.y, out, place) + sum : sum);
        }
    }
}
MILLRACE_KERNEL(host_matmul)
