package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;

/** The product in double: what the fast ones must come near. */
final class JavaGemm {
    private JavaGemm() {}

    static double[][] product(
            boolean transA,
            boolean transB,
            int m,
            int n,
            int k,
            MemorySegment a,
            long aOffset,
            long lda,
            MemorySegment b,
            long bOffset,
            long ldb) {
        double[][] c = new double[m][n];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int l = 0; l < k; l++) {
                    sum +=
                            (double) Memory.at(a, aOffset + (transA ? l * lda + i : i * lda + l))
                                    * Memory.at(b, bOffset + (transB ? j * ldb + l : l * ldb + j));
                }
                c[i][j] = sum;
            }
        }
        return c;
    }
}
