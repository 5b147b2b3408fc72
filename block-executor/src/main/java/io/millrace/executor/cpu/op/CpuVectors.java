package io.millrace.executor.cpu.op;

/**
 * Which vector instructions this process computes with. Sums are taken in the order that their
 * width asks for, so the same run on others can differ in the last bits.
 */
public final class CpuVectors {
    private CpuVectors() {}

    /** Those of oneDNN's products, and the width of the other operators' lanes. */
    public static String describe() {
        return Dnnl.instructions()
                + " products, "
                + VectorLanes.SPECIES.vectorBitSize()
                + "-bit lanes";
    }
}
