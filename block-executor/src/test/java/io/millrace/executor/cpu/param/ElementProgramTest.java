package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs in the parameter pass, against an interpreter of one element at a time. */
class ElementProgramTest {
    private static final int ROWS = 23;
    private static final int COLUMNS = 457;
    private static final int ELEMENTS = ROWS * COLUMNS;
    private static final int TENSOR = 5;
    private static final int STRIDE = 4 * ELEMENTS + 64;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @ParameterizedTest
    @CsvSource({"F32, F32, BF16, 1", "BF16, F32, F32, 3", "F16, BF16, BF16, 2"})
    void everyElementTakesThePrograms(DType dtype, DType first, DType second, int foldEvery) {
        DenseDirection direction = Directions.dense("gaussian");
        List<Update> updates = new ArrayList<>();
        for (int step = 1; step <= 5; step++) {
            updates.add(Update.of(step, random.nextLong(), program()));
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(3 * STRIDE, 64);
            List<StoredState> states =
                    List.of(new StoredState(STRIDE, first), new StoredState(2 * STRIDE, second));
            StoredTensor tensor =
                    new StoredTensor(bytes, 0, dtype, TENSOR, ELEMENTS, false, states);
            float[][] expected = fill(tensor);
            float[][] seen = {expected[0].clone(), expected[1].clone(), expected[2].clone()};
            int folded = 5 - 5 % foldEvery;
            interpret(direction, updates.subList(0, folded), foldEvery, tensor, expected);
            interpret(direction, updates, foldEvery, tensor, seen);

            PendingUpdates pending = PendingUpdates.of(0, foldEvery, updates);
            MemorySegment out = arena.allocate(4L * ELEMENTS);
            passInPieces(direction, tensor, PassPlan.reading(pending, true), out);
            for (int i = 0; i < ELEMENTS; i++) {
                assertThat(bits(out.get(ValueLayout.JAVA_FLOAT, 4L * i)))
                        .as("element %d as seen, seed %d", i, seed)
                        .isEqualTo(bits(seen[0][i]));
                for (int register = 0; register < 3; register++) {
                    assertThat(bits(read(tensor, register, i)))
                            .as("element %d of register %d, seed %d", i, register, seed)
                            .isEqualTo(bits(expected[register][i]));
                }
            }
        }
    }

    /** Rectangles and ranges in any order, so that tiles are cut anyhow. */
    private void passInPieces(
            DenseDirection direction, StoredTensor tensor, PassPlan plan, MemorySegment out) {
        ParameterPass pass = new ParameterPass(direction, Rounding.NEAREST);
        int half = random.nextInt(1, COLUMNS);
        MemorySegment[] outputs = {out};
        try (Arena arena = Arena.ofConfined()) {
            for (int part = 0; part < 2; part++) {
                int column = part == 0 ? half : 0;
                int width = part == 0 ? COLUMNS - half : half;
                MemorySegment tile = arena.allocate(4L * ROWS * width);
                pass.rectangle(
                        tensor,
                        plan,
                        COLUMNS,
                        0,
                        ROWS,
                        column,
                        width,
                        new MemorySegment[] {tile},
                        new long[1]);
                for (int row = 0; row < ROWS; row++) {
                    long to = 4L * (row * COLUMNS + column);
                    MemorySegment.copy(tile, 4L * row * width, outputs[0], to, 4L * width);
                }
            }
        }
    }

    private ElementProgram program() {
        ElementProgram.Builder program =
                ElementProgram.builder()
                        .fill(ElementProgram.scratch(0), 0.25f)
                        .fill(ElementProgram.scratch(1), -1.5f)
                        .terms(
                                register(),
                                ElementProgram.scratch(3),
                                List.of(new Update.Term(random.nextLong(), 0.5f)));
        for (int step = 0; step < 12; step++) {
            switch (random.nextInt(11)) {
                case 0 -> program.fill(register(), random.nextFloat());
                case 1 -> program.scale(register(), 0.9f, register());
                case 2 -> program.fma(register(), 0.3f, register(), register());
                case 3 -> program.plus(register(), register(), register());
                case 4 -> program.multiply(register(), register(), register());
                case 5 -> program.divide(register(), register(), register());
                case 6 -> program.max(register(), register(), register());
                case 7 -> program.root(register(), register());
                case 8 -> program.reach(register(), random.nextFloat());
                case 9 -> program.times(register(), id -> 0.3f * id - 0.8f, register());
                default -> program.sign(register(), register());
            }
        }
        int last = register();
        return program.decay(0.97f)
                .move(ElementProgram.scratch(2), -0.1f, last, Decay.of(0.03))
                .build();
    }

    private int register() {
        int[] used = {
            ElementProgram.PARAMETER,
            ElementProgram.state(0),
            ElementProgram.state(1),
            ElementProgram.scratch(0),
            ElementProgram.scratch(1)
        };
        return used[random.nextInt(used.length)];
    }

    private float[][] fill(StoredTensor tensor) {
        StorageCodec codec = new StorageCodec(ELEMENTS);
        float[][] values = new float[3][ELEMENTS];
        for (int register = 0; register < 3; register++) {
            for (int i = 0; i < ELEMENTS; i++) {
                values[register][i] = (float) random.nextGaussian();
            }
            DType dtype = dtype(tensor, register);
            codec.roundNearest(dtype, values[register], 0, ELEMENTS);
            long at = (long) register * STRIDE;
            codec.store(tensor.bytes(), at, dtype, values[register], 0, ELEMENTS);
        }
        return values;
    }

    private static void interpret(
            DenseDirection direction,
            List<Update> updates,
            int foldEvery,
            StoredTensor tensor,
            float[][] kept) {
        float[][] r = new float[ElementProgram.REGISTERS][ELEMENTS];
        System.arraycopy(kept, 0, r, 0, 3);
        StorageCodec codec = new StorageCodec(ELEMENTS);
        for (Update update : updates) {
            for (ElementProgram.Step step : update.program().orElseThrow().steps()) {
                float[] z = new float[ELEMENTS];
                direction.fill(step.seed(), TENSOR, 0, z, 0, ELEMENTS);
                for (int i = 0; i < ELEMENTS; i++) {
                    r[step.to()][i] = value(step, z[i], r, i);
                }
            }
            for (int register = 0; register < 3 && update.step() % foldEvery == 0; register++) {
                codec.roundNearest(dtype(tensor, register), r[register], 0, ELEMENTS);
            }
        }
    }

    private static float value(ElementProgram.Step step, float z, float[][] r, int i) {
        float a = r[step.a()][i];
        float b = r[step.b()][i];
        return switch (step.op()) {
            case Z -> z;
            case FILL -> step.scalar();
            case SCALE, SHARE, DECAY -> (float) ((double) step.scalar() * a);
            case TIMES -> (float) ((double) step.factor().orElseThrow().of(TENSOR) * a);
            case REACH -> step.scalar() * (float) (1 / Math.sqrt(ELEMENTS));
            case FMA -> Math.fma(step.scalar(), a, b);
            case ADD -> (float) ((double) a + b);
            case MULTIPLY -> (float) ((double) a * b);
            case DIVIDE -> a / b;
            case MAX -> a > b ? a : b;
            case ROOT -> (float) Math.sqrt(a);
            case SIGN ->
                    Float.compare(a, 0f) == 0 || Float.isNaN(a) || a == 0f ? 0f : Math.signum(a);
        };
    }

    private static DType dtype(StoredTensor tensor, int register) {
        return register == 0 ? tensor.dtype() : tensor.states().get(register - 1).dtype();
    }

    private static float read(StoredTensor tensor, int register, int element) {
        DType dtype = dtype(tensor, register);
        float[] value = new float[1];
        long at = (long) register * STRIDE + (long) element * dtype.sizeBytes();
        new StorageCodec(1).load(tensor.bytes(), at, dtype, value, 0, 1);
        return value[0];
    }

    /** Any NaN is as good as another. */
    private static int bits(float value) {
        return Float.floatToIntBits(value);
    }
}
