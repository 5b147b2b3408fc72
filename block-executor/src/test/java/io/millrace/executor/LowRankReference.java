package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.optim.random.SplitMix64;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A run with directions of thin factors done the plain way: z formed in double, added to weights in
 * double, losses from a forward of the perturbed model as a folder of its own.
 */
final class LowRankReference {
    private static final int STREAM_DENSE = 0x4D5A;
    private static final int STREAM_U = 0x4D5B;
    private static final int STREAM_V = 0x4D5C;

    private final String direction;
    private final Path base;
    private final Path folder;
    private final long runSeed;
    private final int rank;
    private final int window;
    private final DType dtype;
    private final Map<String, List<Long>> shapes = new TreeMap<>();
    private final Map<String, double[]> theta = new TreeMap<>();
    private final Map<String, double[]> momentum = new HashMap<>();

    /** The base model, its weights rounded to the dtype in which a run stores them. */
    LowRankReference(
            String direction,
            Path base,
            Path folder,
            long runSeed,
            int rank,
            int window,
            DType dtype)
            throws IOException {
        this.direction = direction;
        this.base = base;
        this.folder = Files.createDirectories(folder);
        this.runSeed = runSeed;
        this.rank = rank;
        this.window = window;
        this.dtype = dtype;
        Files.copy(
                base.resolve("config.json"),
                folder.resolve("config.json"),
                StandardCopyOption.REPLACE_EXISTING);
        try (Checkpoint checkpoint = Checkpoint.open(base);
                SafetensorsFile file = SafetensorsFile.open(base.resolve("model.safetensors"))) {
            checkpoint.layout().blocks().stream()
                    .flatMap(block -> block.tensors().stream())
                    .forEach(slot -> {
                        shapes.put(slot.name(), slot.shape());
                        theta.put(slot.name(), widen(file.readFloats(slot.name())));
                    });
        }
        round();
    }

    Map<String, double[]> theta() {
        return theta;
    }

    /** Loss at θ + s z. */
    double loss(Path input, long step, long querySeed, double scale) throws IOException {
        Map<String, float[]> weights = new HashMap<>();
        int id = 0;
        for (String name : theta.keySet()) {
            double[] p = theta.get(name);
            double[] z = z(name, id++, step, querySeed);
            float[] perturbed = new float[p.length];
            for (int e = 0; e < p.length; e++) {
                perturbed[e] = (float) (p[e] + scale * z[e]);
            }
            weights.put(name, perturbed);
        }
        write(weights);
        return ForwardPass.run(
                        folder, input, folder.resolve("out.safetensors"), MemoryConfig.DEFAULT)
                .meanLoss();
    }

    /** θ ← θ − lr (mean g z + wd θ), wd for matrices only. */
    void update(long step, double lr, double weightDecay, long[] seeds, double[] slopes) {
        int id = 0;
        for (String name : theta.keySet()) {
            double[] p = theta.get(name);
            decay(name, p, lr * weightDecay);
            for (int k = 0; k < seeds.length; k++) {
                double[] z = z(name, id, step, seeds[k]);
                for (int e = 0; e < p.length; e++) {
                    p[e] -= lr * slopes[k] / seeds.length * z[e];
                }
            }
            id++;
        }
    }

    /** N ← β N + (1 − β) mean g U; θ ← θ − lr (N Vᵀ/√r + wd θ); no momentum for vectors. */
    void updateWithMomentum(
            long step, double lr, double weightDecay, double beta, long[] seeds, double[] slopes) {
        int id = 0;
        for (String name : theta.keySet()) {
            double[] p = theta.get(name);
            decay(name, p, lr * weightDecay);
            if (shapes.get(name).size() != 2) {
                for (int k = 0; k < seeds.length; k++) {
                    double[] z = z(name, id, step, seeds[k]);
                    for (int e = 0; e < p.length; e++) {
                        p[e] -= lr * slopes[k] / seeds.length * z[e];
                    }
                }
            } else {
                double[] n = momentum(name, id, step);
                for (int e = 0; e < n.length; e++) {
                    n[e] *= beta;
                }
                for (int k = 0; k < seeds.length; k++) {
                    double[] u = gaussian(STREAM_U, seeds[k], id, n.length);
                    for (int e = 0; e < n.length; e++) {
                        n[e] += (1 - beta) * slopes[k] / seeds.length * u[e];
                    }
                }
                double[] direction = product(n, right(name, id, step));
                for (int e = 0; e < p.length; e++) {
                    p[e] -= lr * direction[e];
                }
            }
            id++;
        }
    }

    /** Rounds θ to the storage dtype. */
    void round() {
        for (double[] p : theta.values()) {
            for (int e = 0; e < p.length; e++) {
                p[e] =
                        switch (dtype) {
                            case F32 -> (float) p[e];
                            case BF16 -> bfloat16((float) p[e]);
                            default -> Float.float16ToFloat(Float.floatToFloat16((float) p[e]));
                        };
            }
        }
    }

    private static float bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7FFF + ((bits >>> 16) & 1)) & 0xFFFF0000);
    }

    private void decay(String name, double[] p, double share) {
        if (shapes.get(name).size() == 2) {
            for (int e = 0; e < p.length; e++) {
                p[e] *= 1 - share;
            }
        }
    }

    /** N as it is before a step, turned to the step's V where that is another than before. */
    private double[] momentum(String name, int id, long step) {
        int rows = Math.toIntExact(shapes.get(name).get(0));
        int columns = Math.toIntExact(shapes.get(name).get(1));
        double[] n = momentum.computeIfAbsent(name, any -> new double[rows * rank]);
        if (step == 1 || (step - 1) % window != 0) {
            return n;
        }
        double[] before = right(name, id, step - 1);
        double[] now = right(name, id, step);
        double[] turned = new double[n.length];
        for (int i = 0; i < rows; i++) {
            for (int l = 0; l < rank; l++) {
                for (int j = 0; j < rank; j++) {
                    double dot = 0;
                    for (int c = 0; c < columns; c++) {
                        dot += before[c * rank + j] * now[c * rank + l];
                    }
                    turned[i * rank + l] += n[i * rank + j] * dot / columns;
                }
            }
        }
        System.arraycopy(turned, 0, n, 0, n.length);
        return n;
    }

    private double[] z(String name, int id, long step, long querySeed) {
        int elements = theta.get(name).length;
        if (shapes.get(name).size() != 2) {
            return gaussian(STREAM_DENSE, querySeed, id, elements);
        }
        int rows = Math.toIntExact(shapes.get(name).get(0));
        int columns = Math.toIntExact(shapes.get(name).get(1));
        int r = Math.min(rank, Math.min(rows, columns));
        long windowSeed = SplitMix64.output(runSeed, (step - 1) / window * window + 1);
        return switch (direction) {
            case "subspace" -> {
                double[] u = orthonormal(gaussian(0x4D61, windowSeed, id, rows * r), r);
                double[] v = orthonormal(gaussian(0x4D62, windowSeed, id, columns * r), r);
                double[] core = gaussian(0x4D63, querySeed, id, r * r);
                double scale = Math.sqrt((double) rows * columns) / r;
                yield times(times(u, transposed(core, r), r, 1), v, r, scale);
            }
            case "members" -> {
                double[] a = gaussian(0x4D67, querySeed, id, rows * r);
                double[] b = gaussian(0x4D68, querySeed, id, columns * r);
                yield times(a, b, r, 1 / Math.sqrt(r));
            }
            case "projected" -> {
                double[] p = orthonormal(gaussian(0x4D6A, windowSeed, id, rows * r), r);
                double[] u = gaussian(0x4D6B, querySeed, id, r * columns);
                double[] turned = new double[u.length];
                for (int e = 0; e < u.length; e++) {
                    turned[e % columns * r + e / columns] = u[e];
                }
                yield times(p, turned, r, 1);
            }
            case "tezo" -> {
                double[] u = gaussian(0x4D64, runSeed, id, rows * r);
                double[] v = gaussian(0x4D65, runSeed, id, columns * r);
                double[] tau = gaussian(0x4D66, querySeed, id, r);
                for (int e = 0; e < u.length; e++) {
                    u[e] *= tau[e % r];
                }
                yield times(u, v, r, 1 / Math.sqrt(r));
            }
            default -> {
                double[] u = gaussian(STREAM_U, querySeed, id, rows * rank);
                yield product(u, right(name, id, step));
            }
        };
    }

    private double[] right(String name, int id, long step) {
        long first = (step - 1) / window * window + 1;
        int columns = Math.toIntExact(shapes.get(name).get(1));
        return gaussian(STREAM_V, SplitMix64.output(runSeed, first), id, columns * rank);
    }

    /** Left times right transposed, over √r. */
    private double[] product(double[] left, double[] right) {
        return times(left, right, rank, 1 / Math.sqrt(rank));
    }

    /** Scale times left [m, r] times right [n, r] transposed. */
    private static double[] times(double[] left, double[] right, int r, double scale) {
        int rows = left.length / r;
        int columns = right.length / r;
        double[] product = new double[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int c = 0; c < columns; c++) {
                double sum = 0;
                for (int j = 0; j < r; j++) {
                    sum += left[i * r + j] * right[c * r + j];
                }
                product[i * columns + c] = sum * scale;
            }
        }
        return product;
    }

    private static double[] transposed(double[] square, int r) {
        double[] turned = new double[square.length];
        for (int e = 0; e < square.length; e++) {
            turned[e % r * r + e / r] = square[e];
        }
        return turned;
    }

    /** Columns made orthonormal, the one after what comes before it. */
    private static double[] orthonormal(double[] q, int r) {
        for (int j = 0; j < r; j++) {
            for (int i = 0; i < j; i++) {
                double along = 0;
                for (int row = 0; row < q.length; row += r) {
                    along += q[row + i] * q[row + j];
                }
                for (int row = 0; row < q.length; row += r) {
                    q[row + j] -= along * q[row + i];
                }
            }
            double squares = 0;
            for (int row = 0; row < q.length; row += r) {
                squares += q[row + j] * q[row + j];
            }
            for (int row = 0; row < q.length; row += r) {
                q[row + j] /= Math.sqrt(squares);
            }
        }
        return q;
    }

    /** The stream as it is defined, from Philox words and the library's logarithm and cosine. */
    private static double[] gaussian(int stream, long seed, int id, int count) {
        double[] z = new double[count];
        long[] words = new long[4];
        for (int e = 0; e < count; e++) {
            if (e % 4 == 0) {
                philox(words, seed, e / 4, id, stream);
            }
            double radius = Math.sqrt(-2 * Math.log((words[e % 4 / 2 * 2] + 0.5) / 0x1p32));
            double angle = 2 * Math.PI * ((words[e % 4 / 2 * 2 + 1] + 0.5) / 0x1p32);
            z[e] = radius * (e % 2 == 0 ? Math.cos(angle) : Math.sin(angle));
        }
        return z;
    }

    private static void philox(long[] x, long seed, long block, int id, int stream) {
        long low = 0xFFFFFFFFL;
        x[0] = block & low;
        x[1] = block >>> 32;
        x[2] = id;
        x[3] = stream;
        long k0 = seed & low;
        long k1 = seed >>> 32;
        for (int round = 0; round < 10; round++) {
            long a = x[0] * 0xD2511F53L;
            long b = x[2] * 0xCD9E8D57L;
            long second = x[1];
            long fourth = x[3];
            x[0] = (b >>> 32) ^ second ^ k0;
            x[1] = b & low;
            x[2] = (a >>> 32) ^ fourth ^ k1;
            x[3] = a & low;
            k0 = (k0 + 0x9E3779B9L) & low;
            k1 = (k1 + 0xBB67AE85L) & low;
        }
    }

    /** Writes the model with these weights, in float32; what is not tuned is copied. */
    private void write(Map<String, float[]> weights) {
        try (SafetensorsFile file = SafetensorsFile.open(base.resolve("model.safetensors"))) {
            List<SafetensorsWriter.Entry> entries = new ArrayList<>();
            for (TensorInfo tensor : file.tensors().values()) {
                entries.add(new SafetensorsWriter.Entry(tensor.name(), DType.F32, tensor.shape()));
            }
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            folder.resolve("model.safetensors"),
                            SafetensorsWriter.PT_METADATA,
                            entries)) {
                for (SafetensorsWriter.Entry entry : entries) {
                    float[] values = weights.get(entry.name());
                    writer.write(
                            entry.name(), values != null ? values : file.readFloats(entry.name()));
                }
                writer.commit();
            }
        }
    }

    private static double[] widen(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
