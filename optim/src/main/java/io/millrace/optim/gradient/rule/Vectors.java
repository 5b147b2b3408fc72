package io.millrace.optim.gradient.rule;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors of one length in double, one behind another. A product of two is eight sums of two lanes
 * each, on every machine: element k belongs to lane k mod 2 of sum k / 2 mod 8.
 */
final class Vectors {
    private static final VectorSpecies<Double> LANES = DoubleVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> PAIR = DoubleVector.SPECIES_128;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final int SUMS = 8;
    private static final int GROUP = 2 * SUMS;

    /** Share of the longest vector; what is left of one beside others and is less is rounding. */
    private static final double NOISE = 1e-5;

    private final MemorySegment memory;
    private final int count;
    private final int length;

    /**
     * Takes the rows of a matrix.
     *
     * @param memory room for as many doubles
     */
    Vectors(MemorySegment memory, Matrix rows) {
        this.memory = memory;
        count = rows.rows();
        length = rows.columns();
        float[] row = new float[length];
        for (int i = 0; i < count; i++) {
            rows.loadRow(i, 0, row, 0, length);
            for (int k = 0; k < length; k++) {
                set(i, k, row[k]);
            }
        }
    }

    private long at(int vector, int k) {
        return ((long) vector * length + k) * Double.BYTES;
    }

    double get(int vector, int k) {
        return memory.get(ValueLayout.JAVA_DOUBLE, at(vector, k));
    }

    private void set(int vector, int k, double value) {
        memory.set(ValueLayout.JAVA_DOUBLE, at(vector, k), value);
    }

    /** Makes them orthonormal, in order, each twice over. */
    void makeOrthonormal() {
        double longest = 0;
        for (int i = 0; i < count; i++) {
            longest = Math.max(longest, Math.sqrt(dot(i, i)));
        }
        for (int i = 0; i < count; i++) {
            for (int other = 0; other < 2 * i; other++) {
                int before = other % i;
                add(i, -dot(i, before), before);
            }
            double left = Math.sqrt(dot(i, i));
            double factor = left > NOISE * longest ? 1 / left : 0;
            for (int k = 0; k < length; k++) {
                set(i, k, get(i, k) * factor);
            }
        }
    }

    /** Stores them, rounded. */
    void store(Matrix rows) {
        float[] row = new float[length];
        for (int i = 0; i < count; i++) {
            for (int k = 0; k < length; k++) {
                row[k] = (float) get(i, k);
            }
            rows.storeRow(i, 0, row, 0, length);
        }
    }

    /** Their products with each other. */
    double[] gram() {
        double[] gram = new double[count * count];
        for (int i = 0; i < count; i++) {
            for (int j = 0; j <= i; j++) {
                gram[i * count + j] = dot(i, j);
                gram[j * count + i] = gram[i * count + j];
            }
        }
        return gram;
    }

    /** Adds a vector, times a factor, to an array. */
    void addTo(double[] sum, double factor, int vector) {
        for (int k = 0; k < length; k++) {
            sum[k] += factor * get(vector, k);
        }
    }

    private void add(int to, double factor, int vector) {
        int whole = LANES.loopBound(length);
        for (int k = 0; k < whole; k += LANES.length()) {
            DoubleVector changed = DoubleVector.fromMemorySegment(LANES, memory, at(to, k), ORDER);
            DoubleVector other =
                    DoubleVector.fromMemorySegment(LANES, memory, at(vector, k), ORDER);
            changed.add(other.mul(factor)).intoMemorySegment(memory, at(to, k), ORDER);
        }
        for (int k = whole; k < length; k++) {
            set(to, k, get(to, k) + factor * get(vector, k));
        }
    }

    private double dot(int one, int other) {
        DoubleVector a = DoubleVector.zero(PAIR);
        DoubleVector b = a;
        DoubleVector c = a;
        DoubleVector d = a;
        DoubleVector e = a;
        DoubleVector f = a;
        DoubleVector g = a;
        DoubleVector h = a;
        int whole = length - length % GROUP;
        for (int k = 0; k < whole; k += GROUP) {
            a = a.add(product(one, other, k));
            b = b.add(product(one, other, k + 2));
            c = c.add(product(one, other, k + 4));
            d = d.add(product(one, other, k + 6));
            e = e.add(product(one, other, k + 8));
            f = f.add(product(one, other, k + 10));
            g = g.add(product(one, other, k + 12));
            h = h.add(product(one, other, k + 14));
        }
        DoubleVector all = a.add(b).add(c.add(d)).add(e.add(f).add(g.add(h)));
        double sum = all.lane(0) + all.lane(1);
        for (int k = whole; k < length; k++) {
            sum += get(one, k) * get(other, k);
        }
        return sum;
    }

    private DoubleVector product(int one, int other, int k) {
        return DoubleVector.fromMemorySegment(PAIR, memory, at(one, k), ORDER)
                .mul(DoubleVector.fromMemorySegment(PAIR, memory, at(other, k), ORDER));
    }
}
