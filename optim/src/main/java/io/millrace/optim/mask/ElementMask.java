package io.millrace.optim.mask;

/**
 * Which elements keep their z; in the others it is 0, so that neither a query nor an update but
 * weight decay reaches them. A pure function, which any thread may call.
 */
public interface ElementMask {
    /**
     * Clears z of consecutive elements that are masked.
     *
     * @param step the step that asks, or whose update it is
     * @param tensorId the tensor's index among the sorted trainable names
     * @param firstElement row-major index of the first element
     * @param p the parameters as they are at the start of the step, from index {@code offset}
     * @param z what becomes of z, from index {@code offset}
     * @param offset first index
     * @param count how many
     */
    void apply(
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count);

    /** Makes z of consecutive elements before anything is masked, as a dense direction does. */
    @FunctionalInterface
    interface Unmasked {
        /** Writes so many values from an index on, of elements from the first on. */
        void fill(long seed, int tensorId, long firstElement, float[] z, int offset, int count);
    }

    /**
     * Writes z of consecutive elements, 0 where they are masked.
     *
     * @param unmasked makes z
     * @param seed of z
     * @param step as for {@link #apply}, and all that follows
     */
    default void fill(
            Unmasked unmasked,
            long seed,
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count) {
        unmasked.fill(seed, tensorId, firstElement, z, offset, count);
        apply(step, tensorId, firstElement, p, z, offset, count);
    }

    /** Elements that pass together: so many pieces of so many, each a stride behind the last. */
    final class Tile {
        private long first;
        private long stride;
        private int pieces;
        private int width;

        /** Says which; one object serves any number of tiles. */
        public Tile at(long firstElement, long strideElements, int count, int elements) {
            first = firstElement;
            stride = strideElements;
            pieces = count;
            width = elements;
            return this;
        }

        /** The first element of the first piece. */
        long first() {
            return first;
        }

        /** Elements from the start of a piece to that of the next. */
        long stride() {
            return stride;
        }

        int pieces() {
            return pieces;
        }

        /** Elements of a piece. */
        int width() {
            return width;
        }
    }

    /** The same of a tile, whose pieces lie one behind another in {@code p} and {@code z}. */
    default void fill(
            Unmasked unmasked,
            long seed,
            long step,
            int tensorId,
            Tile tile,
            float[] p,
            float[] z) {
        for (int i = 0; i < tile.pieces; i++) {
            long element = tile.first + i * tile.stride;
            fill(unmasked, seed, step, tensorId, element, p, z, i * tile.width, tile.width);
        }
    }
}
