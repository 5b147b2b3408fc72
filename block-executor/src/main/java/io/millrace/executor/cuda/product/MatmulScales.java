package io.millrace.executor.cuda.product;

/**
 * What matrices of E4M3 are to be multiplied by, for a product: addresses of float32 on the device.
 *
 * @param x of x
 * @param w of w
 */
public record MatmulScales(long x, long w) {
    /** Of matrices that are what they are. */
    public static final MatmulScales NONE = new MatmulScales(0, 0);
}
