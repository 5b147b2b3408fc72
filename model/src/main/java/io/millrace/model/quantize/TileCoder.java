package io.millrace.model.quantize;

import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Finds codes for rows of a matrix. Each goes to the nearest; or, where it is known what the matrix
 * is multiplied with, what is lost at an input is made up for at later ones (GPTQ: Frantar and
 * others, 2023), and each scale is the best of a few for the inputs that matter.
 *
 * <p>Rows are independent, so that results do not depend on how many threads there are.
 */
final class TileCoder {
    private static final int SHARES = 8;
    private static final float SHARE_STEP = 0.05f;

    private final QuantForm form;
    private final CodeBook codes;
    private final int group;
    private double lost;
    private double whole;
    private double worst;

    TileCoder(QuantForm form, int group) {
        this.form = form;
        this.group = group;
        codes = form.codes();
    }

    /**
     * CodeBook some rows.
     *
     * @param inputs columns of a row
     * @param firstRow a multiple of the rows that share a scale
     * @param values [rows, inputs], which are used up
     * @param feedback what the matrix is multiplied with, if that is known
     */
    CodedTile code(
            QuantMatrix matrix,
            int inputs,
            int firstRow,
            int rows,
            float[] values,
            Optional<Feedback> feedback) {
        int groups = Math.ceilDiv(inputs, group);
        int shared = form.rowsOfScale(group);
        float[] scales = new float[Math.ceilDiv(rows, shared) * groups];
        if (shared > 1) {
            findShared(scales, shared, rows, inputs, groups, values);
        }
        byte[] coded = new byte[rows * inputs];
        double[] lostOf = new double[rows];
        double[] wholeOf = new double[rows];
        float[] worstOf = new float[rows];
        int window = feedback.map(Feedback::window).orElse(inputs);
        for (int start = 0; start < inputs; start += window) {
            int first = start;
            int end = Math.min(inputs, start + window);
            IntStream.range(0, rows)
                    .parallel()
                    .forEach(row -> {
                        Row one = new Row(values, coded, row * inputs, scales, shared > 1);
                        one.scalesFrom = row / shared * groups;
                        one.code(first, end, feedback);
                        lostOf[row] += one.lost;
                        wholeOf[row] += one.whole;
                        worstOf[row] = Math.max(worstOf[row], one.worst);
                    });
        }
        for (int row = 0; row < rows; row++) {
            lost += lostOf[row];
            whole += wholeOf[row];
            worst = Math.max(worst, worstOf[row]);
        }
        return new CodedTile(matrix, inputs, firstRow, rows, coded, scales);
    }

    /** What all tiles lost, of a matrix that was coded whole. */
    TensorError error(QuantMatrix matrix, boolean calibrated) {
        return new TensorError(
                matrix.tensor(), matrix.outputs(), matrix.inputs(), lost, whole, worst, calibrated);
    }

    private void findShared(
            float[] scales, int shared, int rows, int inputs, int groups, float[] values) {
        float[] greatest = new float[scales.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < inputs; column++) {
                int at = row / shared * groups + column / group;
                greatest[at] = Math.max(greatest[at], Math.abs(values[row * inputs + column]));
            }
        }
        for (int at = 0; at < scales.length; at++) {
            scales[at] = codes.scale(greatest[at]);
        }
    }

    /** CodeBook columns of one row. */
    private final class Row {
        private final float[] values;
        private final byte[] coded;
        private final int at;
        private final float[] scales;
        private final boolean scaled;
        private int scalesFrom;
        private double lost;
        private double whole;
        private float worst;

        Row(float[] values, byte[] coded, int at, float[] scales, boolean scaled) {
            this.values = values;
            this.coded = coded;
            this.at = at;
            this.scales = scales;
            this.scaled = scaled;
        }

        void code(int first, int end, Optional<Feedback> feedback) {
            float[] original = new float[end - first];
            System.arraycopy(values, at + first, original, 0, original.length);
            for (int column = first; column < end; column++) {
                int place = scalesFrom + column / group;
                if (!scaled && column % group == 0) {
                    int groupEnd = Math.min(end, column + group);
                    scales[place] =
                            feedback.isPresent()
                                    ? bestScale(column, groupEnd, feedback.get())
                                    : codes.scale(greatest(column, groupEnd));
                }
                float scale = scales[place];
                int code = codes.code(values[at + column], scale);
                float value = codes.value(code, scale);
                coded[at + column] = (byte) code;
                if (feedback.isPresent()) {
                    feedback.get().spread(values, at, column, end, values[at + column] - value);
                }
                count(original[column - first], value);
            }
        }

        private void count(float original, float value) {
            float difference = Math.abs(original - value);
            lost += (double) difference * difference;
            whole += (double) original * original;
            worst = Math.max(worst, difference);
        }

        private float greatest(int from, int to) {
            float greatest = 0;
            for (int column = from; column < to; column++) {
                greatest = Math.max(greatest, Math.abs(values[at + column]));
            }
            return greatest;
        }

        /** Of shares of the greatest magnitude, the one that loses least. */
        private float bestScale(int from, int to, Feedback feedback) {
            float greatest = greatest(from, to);
            float best = codes.scale(greatest);
            double least = Double.POSITIVE_INFINITY;
            for (int step = 0; step < SHARES; step++) {
                float scale = codes.scale(greatest * (1 - step * SHARE_STEP));
                double sum = 0;
                for (int column = from; column < to; column++) {
                    float value = values[at + column];
                    double difference = value - codes.value(codes.code(value, scale), scale);
                    sum += feedback.weight(column) * difference * difference;
                }
                if (sum < least) {
                    least = sum;
                    best = scale;
                }
            }
            return best;
        }
    }
}
