package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.DType;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Norms, activations, rotation, attention and losses against plain loops in double. */
abstract class OperatorKernelsContract {
    private static final int SCALES = 2;
    private static final int FULL = -1000;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);
    private CudaRig rig;
    private AttentionKernels attention;

    @BeforeEach
    void open() {
        rig = new CudaRig();
        attention =
                rig.own(
                        new AttentionKernels(
                                rig.device().api(),
                                rig.kernels().module(),
                                rig.device().compute().handle()));
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private float[] normals(int count, double scale) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * scale);
        }
        return values;
    }

    private static double bound(DType type) {
        return switch (type) {
            case F32 -> 3e-6;
            case F16 -> 2e-3;
            default -> 1.2e-2;
        };
    }

    private void same(float[] actual, double[] expected, double bound, String name) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            double allowed = bound * Math.max(1, Math.abs(expected[i]));
            assertThat((double) actual[i])
                    .as("%s, element %d, seed %d", name, i, seed)
                    .isEqualTo(expected[i], within(allowed));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "LAYER, 64, F32, 1",
        "RMS, 64, BF16, 1",
        "LAYER, 1023, F16, 1",
        "RMS, 4104, F32, 1",
        "LAYER, 5000, BF16, 1",
        "RMS, 20, F32, 3",
        "LAYER, 8, F32, 5"
    })
    void normsRowsAndPiecesOfThem(NormSpec.Kind kind, int width, DType type, int pieces) {
        int rows = 3;
        int rowStride = width * pieces + 8;
        int scaleStride = rows * rowStride;
        float[] in = normals(SCALES * scaleStride, 1.5);
        float[] weight = normals(SCALES * width, 1);
        float[] bias = normals(SCALES * width, 1);
        float[] old = CudaRig.rounded(type, normals(SCALES * scaleStride, 1));
        int[] pick = {2, 0, 2};
        NormSpec spec = new NormSpec(kind, "w", "b", width, 1e-5f, 1f);
        CudaRig.Place out = rig.values(type, old);
        rig.kernels()
                .norm(
                        spec,
                        matrix(rig.values(DType.F32, in), scaleStride, rowStride, DType.F32),
                        rig.ints(pick).address(),
                        rig.values(DType.F32, weight).address(),
                        rig.values(DType.F32, bias).address(),
                        matrix(out, scaleStride, rowStride, type),
                        true,
                        rows,
                        pieces,
                        width,
                        SCALES);
        double[] expected = new double[old.length];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = old[i];
        }
        for (int scale = 0; scale < SCALES; scale++) {
            for (int item = 0; item < rows * pieces; item++) {
                int from = scale * scaleStride + pick[item / pieces] * rowStride;
                int to = scale * scaleStride + item / pieces * rowStride;
                int piece = item % pieces * width;
                double mean = 0;
                for (int i = 0; i < width && kind == NormSpec.Kind.LAYER; i++) {
                    mean += (double) in[from + piece + i] / width;
                }
                double square = 0;
                for (int i = 0; i < width; i++) {
                    square += Math.pow(in[from + piece + i] - mean, 2) / width;
                }
                for (int i = 0; i < width; i++) {
                    double normed = (in[from + piece + i] - mean) / Math.sqrt(square + 1e-5f);
                    expected[to + piece + i] +=
                            normed * (weight[scale * width + i] + 1.0) + bias[scale * width + i];
                }
            }
        }
        same(out.read(type), expected, bound(type), kind + " of " + width);
    }

    @ParameterizedTest
    @EnumSource(
            value = Activation.class,
            names = {"RELU", "GELU_EXACT", "GELU_TANH", "SILU"})
    void activatesWithBiasAndGate(Activation activation) {
        for (DType type : List.of(DType.F32, DType.BF16)) {
            int rows = 3;
            int width = 21;
            int size = SCALES * rows * width;
            float[] x = CudaRig.rounded(type, normals(size, 3));
            float[] up = CudaRig.rounded(type, normals(size, 1));
            float[] bias = normals(SCALES * width, 1);
            float[] upBias = normals(SCALES * width, 1);
            CudaRig.Place plain = rig.values(type, x);
            CudaRig.Place gated = rig.values(type, x);
            long biases = rig.values(DType.F32, bias).address();
            DeviceMatrix ups = matrix(rig.values(type, up), (long) rows * width, width, type);
            rig.kernels()
                    .activate(
                            activation,
                            matrix(plain, (long) rows * width, width, type),
                            biases,
                            rows,
                            width,
                            SCALES);
            rig.kernels()
                    .gated(
                            activation,
                            matrix(gated, (long) rows * width, width, type),
                            biases,
                            ups,
                            rig.values(DType.F32, upBias).address(),
                            rows,
                            width,
                            SCALES);
            double[] expected = new double[size];
            double[] expectedGated = new double[size];
            for (int i = 0; i < size; i++) {
                int column = i / (rows * width) * width + i % width;
                expected[i] = value(activation, (double) x[i] + bias[column]);
                expectedGated[i] = expected[i] * ((double) up[i] + upBias[column]);
            }
            same(plain.read(type), expected, bound(type), activation + " in " + type);
            same(gated.read(type), expectedGated, bound(type), activation + " gate in " + type);
        }
    }

    private static double value(Activation activation, double x) {
        return switch (activation) {
            case RELU -> Math.max(0, x);
            case GELU_EXACT -> x * normalDistribution(x);
            case GELU_TANH ->
                    x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
            case SILU -> x / (1 + Math.exp(-x));
            case TANH, GELU_SIGMOID -> throw new IllegalArgumentException("no kernel");
        };
    }

    /** By Simpson's rule: exact to 1e-10. */
    private static double normalDistribution(double x) {
        int steps = 2000;
        double h = x / steps;
        double sum = 0;
        for (int i = 0; i <= steps; i++) {
            double weight = i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2;
            sum += weight * Math.exp(-i * h * i * h / 2);
        }
        return 0.5 + sum * h / 3 / Math.sqrt(2 * Math.PI);
    }

    @Test
    void capsLogits() {
        float[] x = normals(2 * 13, 40);
        CudaRig.Place place = rig.values(DType.F32, x);
        rig.kernels().softcap(30f, matrix(place, 0, 13, DType.F32), 2, 13, 1);
        double[] expected = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            expected[i] = 30 * Math.tanh(x[i] / 30.0);
        }
        same(place.read(DType.F32), expected, 3e-6, "softcap");
    }

    @Test
    void picksRowsIntoAnotherType() {
        float[] in = normals(SCALES * 4 * 11, 1);
        CudaRig.Place out = rig.poisoned(SCALES * 3 * 11 * 2);
        rig.kernels()
                .pick(
                        matrix(rig.values(DType.F32, in), 44, 11, DType.F32),
                        rig.ints(3, 1, 1).address(),
                        matrix(out, 33, 11, DType.F16),
                        3,
                        11,
                        SCALES);
        float[] expected = new float[SCALES * 33];
        int[] pick = {3, 1, 1};
        for (int i = 0; i < expected.length; i++) {
            expected[i] = in[i / 33 * 44 + pick[i / 11 % 3] * 11 + i % 11];
        }
        assertThat(out.read(DType.F16)).containsExactly(CudaRig.rounded(DType.F16, expected));
    }

    @Test
    void turnsHeadsByTheirPositions() {
        turns(attention(3, 1, 8, 0, 0).heads(), new RopeSpec(6, List.of(1f, 0.1f, 0.01f), 1f));
    }

    @Test
    void turnsPairsOfNeighbours() {
        RopeSpec rope = new RopeSpec(6, List.of(1f, 0.1f, 0.01f), 1f).ofNeighbours();
        turns(attention(3, 1, 8, 0, 0).heads(), rope);
    }

    @Test
    void turnsHeadsOfGroups() {
        turns(HeadsSpec.grouped(4, 2, 5), new RopeSpec(4, List.of(1f, 0.1f), 1f));
    }

    private void turns(HeadsSpec heads, RopeSpec rope) {
        int rows = 4;
        int width = 40;
        int half = rope.dims() / 2;
        float[] x = normals(SCALES * rows * width, 1);
        int[] positions = {0, 1, 7, 3};
        float[] table = new float[8 * rope.dims()];
        for (int position = 0; position < 8; position++) {
            for (int i = 0; i < half; i++) {
                double angle = position * rope.inverseFrequencies().get(i);
                table[position * rope.dims() + i] = (float) Math.cos(angle);
                table[position * rope.dims() + half + i] = (float) Math.sin(angle);
            }
        }
        CudaRig.Place place = rig.values(DType.F32, x);
        rig.kernels()
                .rotate(
                        heads,
                        rope,
                        matrix(place, (long) rows * width, width, DType.F32),
                        rig.values(DType.F32, table).address(),
                        rig.ints(positions).address(),
                        rows,
                        SCALES);
        double[] expected = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            expected[i] = x[i];
        }
        for (int row = 0; row < SCALES * rows; row++) {
            for (int head = 0; head < heads.queries().count(); head++) {
                turn(
                        expected,
                        row * width + heads.queries().column(head),
                        rope,
                        positions[row % rows]);
            }
            for (int head = 0; head < heads.keys().count(); head++) {
                turn(
                        expected,
                        row * width + heads.keys().column(head),
                        rope,
                        positions[row % rows]);
            }
        }
        same(place.read(DType.F32), expected, 1e-6, "rotation");
    }

    private static void turn(double[] x, int at, RopeSpec rope, int position) {
        for (int i = 0; i < rope.dims() / 2; i++) {
            int first = at + (rope.neighbours() ? 2 * i : i);
            int second = first + (rope.neighbours() ? 1 : rope.dims() / 2);
            double angle = position * (double) rope.inverseFrequencies().get(i);
            double a = x[first];
            double b = x[second];
            x[first] = a * Math.cos(angle) - b * Math.sin(angle);
            x[second] = b * Math.cos(angle) + a * Math.sin(angle);
        }
    }

    /** Queries, keys and values side by side. */
    private static AttendSpec attention(int heads, int kvHeads, int dim, int window, float cap) {
        return new AttendSpec(
                new HeadsSpec(
                        dim,
                        new HeadColumns(heads, 0, dim),
                        new HeadColumns(kvHeads, heads * dim, dim),
                        new HeadColumns(kvHeads, (heads + kvHeads) * dim, dim)),
                mask(window),
                (float) (1 / Math.sqrt(dim)),
                cap);
    }

    /** Of so many positions; below 0 of so many on either side, or of all where that is too far. */
    private static Mask mask(int window) {
        if (window < 0) {
            return window == FULL ? new Mask.Full() : new Mask.Around(-window);
        }
        return window == 0 ? new Mask.Causal() : new Mask.Window(window);
    }

    @ParameterizedTest
    @CsvSource({
        "2, 2, 8, -1000, 0, 0, F32",
        "2, 1, 80, -33, 0, 0, F32",
        "1, 1, 200, -2, 0, 0, F32",
        "2, 1, 64, -1000, 0, 0, BF16",
        "2, 2, 16, -9, 0, 0, F16",
        "2, 2, 8, 0, 0, 0, F32",
        "4, 2, 64, 0, 0, 0, F32",
        "2, 1, 80, 0, 0, 5, F32",
        "2, 1, 128, 17, 0, 0, F32",
        "1, 1, 200, 0, 30, 3, F32",
        "2, 1, 256, 40, 20, 0, F32",
        "2, 1, 16, 0, 0, 0, BF16",
        "4, 2, 64, 0, 0, 7, BF16",
        "2, 1, 80, 33, 0, 0, F16",
        "2, 2, 128, 0, 25, 0, BF16",
        "1, 1, 256, 0, 0, 0, F16"
    })
    void attendsWithoutAMatrixOfScores(
            int heads, int kvHeads, int dim, int window, float cap, int past, DType type) {
        AttendSpec spec = attention(heads, kvHeads, dim, window, cap);
        int[] starts = past == 0 ? new int[] {0, 1, 70, 103} : new int[] {0, 41};
        int rows = starts[starts.length - 1];
        int width = (heads + 2 * kvHeads) * dim;
        int stride = (past + rows) * width;
        float[] x = CudaRig.rounded(type, normals(SCALES * stride, 1));
        CudaRig.Place place = rig.values(type, x);
        CudaRig.Place out = rig.poisoned((long) SCALES * rows * heads * dim * type.sizeBytes());
        DeviceMatrix projected = matrix(place, stride, width, type).row(past);
        int longest = past == 0 ? 69 : 41;
        attention.attend(
                spec,
                projected,
                past,
                rig.ints(starts).address(),
                starts.length - 1,
                longest,
                matrix(out, (long) rows * heads * dim, (long) heads * dim, type),
                SCALES);
        double[] expected = new double[SCALES * rows * heads * dim];
        for (int scale = 0; scale < SCALES; scale++) {
            for (int sequence = 0; sequence + 1 < starts.length; sequence++) {
                for (int query = starts[sequence]; query < starts[sequence + 1]; query++) {
                    for (int head = 0; head < heads; head++) {
                        attendOne(
                                spec,
                                x,
                                scale * stride,
                                width,
                                starts[sequence],
                                starts[sequence + 1],
                                past,
                                query,
                                head,
                                expected,
                                (scale * rows + query) * heads * dim + head * dim);
                    }
                }
            }
        }
        same(out.read(type), expected, bound(type), "attention");
    }

    @Tag("long")
    @Test
    void attendsInMoreSequencesThanALaunchTakes() {
        int sequences = 65_535 / SCALES + 1000;
        int dim = 8;
        int width = 3 * dim;
        float[] x = normals(SCALES * sequences * width, 1);
        CudaRig.Place place = rig.values(DType.F32, x);
        CudaRig.Place out = rig.poisoned((long) SCALES * sequences * dim * Float.BYTES);
        attention.attend(
                attention(1, 1, dim, 0, 0),
                matrix(place, (long) sequences * width, width, DType.F32),
                0,
                rig.ints(IntStream.rangeClosed(0, sequences).toArray()).address(),
                sequences,
                1,
                matrix(out, (long) sequences * dim, dim, DType.F32),
                SCALES);
        double[] expected = new double[SCALES * sequences * dim]; // one token each: its value
        for (int i = 0; i < expected.length; i++) {
            expected[i] = x[i / dim * width + 2 * dim + i % dim];
        }
        same(out.read(DType.F32), expected, 1e-6, "attention");
    }

    private static void attendOne(
            AttendSpec spec,
            float[] x,
            int base,
            int width,
            int start,
            int end,
            int past,
            int query,
            int head,
            double[] out,
            int at) {
        HeadsSpec heads = spec.heads();
        int dim = heads.dim();
        int kvHead = head / (heads.queries().count() / heads.keys().count());
        int position = past + query - start;
        int lowest =
                switch (spec.mask()) {
                    case Mask.Causal() -> 0;
                    case Mask.Window(int window) -> Math.max(0, position - window + 1);
                    case Mask.Full() -> 0;
                    case Mask.Around(int reach) -> Math.max(0, position - reach);
                };
        int last = past + end - start - 1;
        int highest =
                switch (spec.mask()) {
                    case Mask.Causal(), Mask.Window(_) -> position;
                    case Mask.Full() -> last;
                    case Mask.Around(int reach) -> Math.min(last, position + reach);
                };
        double[] scores = new double[highest + 1];
        double top = Double.NEGATIVE_INFINITY;
        int q = base + (past + query) * width + head * dim;
        for (int key = lowest; key <= highest; key++) {
            int k = base + (start + key) * width + heads.keys().start() + kvHead * dim;
            for (int d = 0; d < dim; d++) {
                scores[key] += (double) x[q + d] * x[k + d];
            }
            scores[key] *= spec.scale();
            if (spec.softcap() != 0) {
                scores[key] = spec.softcap() * Math.tanh(scores[key] / spec.softcap());
            }
            top = Math.max(top, scores[key]);
        }
        double sum = 0;
        for (int key = lowest; key <= highest; key++) {
            sum += Math.exp(scores[key] - top);
        }
        for (int key = lowest; key <= highest; key++) {
            int v = base + (start + key) * width + heads.values().start() + kvHead * dim;
            for (int d = 0; d < dim; d++) {
                out[at + d] += Math.exp(scores[key] - top) / sum * x[v + d];
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1000, 1000, 0", "1000, 384, 0", "77, 10, 30", "2500, 2048, 5"})
    void lossesComeFromPanelsOfTheVocabulary(int vocabulary, int panel, float cap) {
        int rows = 3;
        float[][] logits = new float[SCALES][];
        for (int scale = 0; scale < SCALES; scale++) {
            logits[scale] = normals(rows * vocabulary, 12);
        }
        int[] targets = {0, vocabulary - 1, vocabulary / 2};
        long targetPlace = rig.ints(targets).address();
        CudaRig.Place losses = rig.poisoned((long) SCALES * rows * DeviceKernels.ROW_LOSS_BYTES);
        for (int first = 0; first < vocabulary; first += panel) {
            int width = Math.min(panel, vocabulary - first);
            float[] part = new float[SCALES * rows * width];
            for (int i = 0; i < part.length; i++) {
                part[i] =
                        logits[i / (rows * width)][
                                i / width % rows * vocabulary + first + i % width];
            }
            rig.kernels()
                    .loss(
                            matrix(
                                    rig.values(DType.F32, part),
                                    (long) rows * width,
                                    width,
                                    DType.F32),
                            targetPlace,
                            losses.address(),
                            rows,
                            rows,
                            width,
                            first,
                            cap,
                            SCALES);
        }
        ByteBuffer read = ByteBuffer.wrap(losses.read()).order(ByteOrder.LITTLE_ENDIAN);
        for (int item = 0; item < SCALES * rows; item++) {
            double sum = 0;
            double top = Double.NEGATIVE_INFINITY;
            double[] row = new double[vocabulary];
            for (int id = 0; id < vocabulary; id++) {
                double x = logits[item / rows][item % rows * vocabulary + id];
                row[id] = cap == 0 ? x : cap * Math.tanh(x / cap);
                top = Math.max(top, row[id]);
            }
            for (double x : row) {
                sum += Math.exp(x - top);
            }
            int at = item * DeviceKernels.ROW_LOSS_BYTES;
            double loss =
                    Math.log(read.getDouble(at)) + read.getFloat(at + 8) - read.getFloat(at + 12);
            assertThat(loss)
                    .as("row %d, seed %d", item, seed)
                    .isEqualTo(Math.log(sum) + top - row[targets[item % rows]], within(2e-5));
        }
    }

    private static DeviceMatrix matrix(
            CudaRig.Place place, long stride, long rowStride, DType type) {
        return new DeviceMatrix(place.address(), stride, rowStride, type);
    }
}
