package io.millrace.executor.cuda.product;

import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.cuda.CudaLibraries;

/** Products by whatever libraries the loader finds; run by {@link CublasLtCallsTest}. */
final class CublasLtCallsProgram {
    private CublasLtCallsProgram() {}

    /** Asks for two of E4M3 that one plan serves, and one of bfloat16. */
    public static void main(String[] arguments) {
        CudaLibraries.ofMachine().requireCublasLt();
        MatmulScales scales = new MatmulScales(0x110, 0x130);
        try (CublasLtMatmul products = new CublasLtMatmul(0x57, 0x1000, 4096, Matmul.FP8)) {
            MatmulShape e4m3 = shape(MatmulShape.E4M3, DType.BF16, 1, true);
            products.multiply(e4m3, 0x10000, 0x20000, scales, 0x30000, 0.5f);
            products.multiply(e4m3, 0x10100, 0x20100, scales, 0x30100, 2f);
            MatmulShape plain = shape(DType.BF16, DType.BF16, 2, false);
            products.multiply(plain, 0x10000, 0x20000, MatmulScales.NONE, 0x30000, 1f);
        }
    }

    private static MatmulShape shape(DType in, DType out, int batch, boolean accumulate) {
        return new MatmulShape(
                33, 64, 96, false, 96, 96, 128, batch, 3168, 6144, 4224, in, out, accumulate);
    }
}
