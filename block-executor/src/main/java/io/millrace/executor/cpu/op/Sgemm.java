package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;

/**
 * {@code C = alpha · op(A) · op(B) + beta · C} for any shape, on the calling thread alone. Needs no
 * preparation, so it suits products whose shapes change (attention); those with weights go faster
 * through {@link Gemm}.
 */
public final class Sgemm {
    private Sgemm() {}

    /**
     * Row-major product; offsets and leading dimensions count floats. With beta 0, C is only
     * written.
     *
     * @param transA whether A is stored [k, m]
     * @param transB whether B is stored [n, k]
     * @param m rows of C
     * @param n columns of C
     * @param k length of the sums
     * @param alpha factor on the product
     * @param a left factor
     * @param aOffset floats before A
     * @param lda floats from a row of A to the next, as stored
     * @param b right factor
     * @param bOffset floats before B
     * @param ldb floats from a row of B to the next, as stored
     * @param beta factor on what C held
     * @param c result
     * @param cOffset floats before C
     * @param ldc floats from a row of C to the next
     */
    public static void sgemm(
            boolean transA,
            boolean transB,
            long m,
            long n,
            long k,
            float alpha,
            MemorySegment a,
            long aOffset,
            long lda,
            MemorySegment b,
            long bOffset,
            long ldb,
            float beta,
            MemorySegment c,
            long cOffset,
            long ldc) {
        long aAddress = CheckedFloats.address(a, aOffset, transA ? k : m, transA ? m : k, lda);
        long bAddress = CheckedFloats.address(b, bOffset, transB ? n : k, transB ? k : n, ldb);
        long cAddress = CheckedFloats.address(c, cOffset, m, n, ldc);
        Dnnl.alone();
        int status;
        try {
            status =
                    (int)
                            Dnnl.SGEMM.invokeExact(
                                    (byte) (transA ? 'T' : 'N'),
                                    (byte) (transB ? 'T' : 'N'),
                                    m,
                                    n,
                                    k,
                                    alpha,
                                    aAddress,
                                    lda,
                                    bAddress,
                                    ldb,
                                    beta,
                                    cAddress,
                                    ldc);
        } catch (Throwable e) {
            throw Dnnl.unexpected(e);
        }
        if (status != 0) {
            Dnnl.check(status, "dnnl_sgemm(m " + m + ", n " + n + ", k " + k + ")");
        }
    }
}
