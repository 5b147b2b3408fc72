package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Low-rank runs against one that forms U Vᵀ in double and perturbs copies of the weights. */
class LowRankTest {
    private static final long SEED = 0xfedc_ba98_7654_3210L;
    // Five to ten times what rounding alone moved when the bounds were set; in 16 bits that is
    // weights which a fold rounds to the other side.
    private static final double LOSS_BOUND = 2e-6;
    private static final double LOSS_BOUND_16_BIT = 7e-5;
    private static final double SLOPE_BOUND = 5e-3;
    private static final double WEIGHT_BOUND = 1e-6;

    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        // model, dtype, rank, window, folds every, queries, weight decay, optimizer
        "opt, float32, 2, 3, 3, 2, 0.1, lozo-m",
        "llama, float32, 4, 3, 1, 1, 0.1, mezo-sgd",
        "llama, bfloat16, 4, 2, 2, 1, 0.1, lozo-m",
        "llama, float16, 2, 50, 50, 1, 0.1, mezo-sgd",
        "opt-350m, bfloat16, 2, 3, 3, 1, 0.1, lozo-m",
        "gpt2, float32, 2, 3, 3, 2, 0.1, mezo-sgd"
    })
    void followsTheRunThatFormsItsDirections(
            String name,
            String dtype,
            int rank,
            int window,
            int foldEvery,
            int queries,
            double weightDecay,
            String optimizer)
            throws IOException {
        check(
                name,
                Golden.path(name),
                DType.find(dtype).orElseThrow(),
                configure(rank, window, foldEvery, queries, weightDecay, optimizer));
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "opt, float32, 1, 3, 3, 1, 0, mezo-sgd",
        "opt, float32, 2, 3, 3, 2, 0.1, mezo-sgd",
        "opt, bfloat16, 2, 4, 2, 1, 0.1, mezo-sgd",
        "llama, bfloat16, 2, 3, 3, 2, 0, mezo-sgd",
        "opt-350m, float32, 2, 3, 3, 1, 0.1, mezo-sgd",
        "gpt2, bfloat16, 3, 3, 3, 1, 0.1, lozo-m"
    })
    void followsItWithOtherRanksAndWindows(
            String name,
            String dtype,
            int rank,
            int window,
            int foldEvery,
            int queries,
            double weightDecay,
            String optimizer)
            throws IOException {
        followsTheRunThatFormsItsDirections(
                name, dtype, rank, window, foldEvery, queries, weightDecay, optimizer);
    }

    /** Matrices of more than a million elements are formed in panels. */
    @ParameterizedTest
    @CsvSource("opt, vocab_size, 17000, bfloat16")
    void followsItWithAWideMatrixToo(String name, String field, long width, String dtype)
            throws IOException {
        followsItWithWideMatricesToo(name, field, width, dtype);
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "opt, ffn_dim, 17000, bfloat16",
        "gpt2, n_inner, 17000, bfloat16",
        "gpt2, n_inner, 17000, float32"
    })
    void followsItWithWideMatricesToo(String name, String field, long width, String dtype)
            throws IOException {
        Map<String, Object> fields =
                new LinkedHashMap<>(Golden.json(name + "/config.json").fields());
        fields.put(field, width);
        Path model = temp.resolve("wide");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.F32,
                5,
                model,
                bytes -> {});
        check(
                name,
                model,
                DType.find(dtype).orElseThrow(),
                configure(2, 2, 2, 1, 0.1, "mezo-sgd").steps(3));
    }

    /** A run of another direction of thin factors. */
    void check(
            String name,
            DType dtype,
            String direction,
            int rank,
            int window,
            int foldEvery,
            int queries)
            throws IOException {
        check(
                name,
                Golden.path(name),
                dtype,
                new Setup(direction, rank, window, foldEvery, queries, 0.1, "mezo-sgd", 5));
    }

    private Setup configure(
            int rank, int window, int foldEvery, int queries, double decay, String optimizer) {
        return new Setup("low-rank", rank, window, foldEvery, queries, decay, optimizer, 7);
    }

    private record Setup(
            String direction,
            int rank,
            int window,
            int foldEvery,
            int queries,
            double decay,
            String optimizer,
            int stepCount) {
        Setup steps(int count) {
            return new Setup(direction, rank, window, foldEvery, queries, decay, optimizer, count);
        }
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    /** How far losses may be from the reference's. */
    double lossBound(DType dtype) {
        return dtype == DType.F32 ? LOSS_BOUND : LOSS_BOUND_16_BIT;
    }

    /** How far slopes may be from the reference's. */
    double slopeBound(DType dtype) {
        return SLOPE_BOUND;
    }

    private void check(String name, Path model, DType dtype, Setup setup) throws IOException {
        Path input = Golden.path(name).resolve("io.safetensors");
        Path data = Golden.writeBatch(name, temp.resolve("train.jsonl"));
        Path out = temp.resolve("out");
        TuneConfigBuilder run =
                TuneConfig.builder(model, data, out)
                        .batchSize(2)
                        .shuffle(false)
                        .steps(setup.stepCount())
                        .seed(SEED)
                        .lr(1e-3)
                        .weightDecay(setup.decay())
                        .perturbation(setup.direction())
                        .rank(setup.rank())
                        .foldEvery(setup.foldEvery())
                        .queries(setup.queries())
                        .optimizer(setup.optimizer())
                        .beta(0.8)
                        .dtype(dtype)
                        .memory(memory());
        if (!setup.direction().equals("members")) { // which has none
            run = run.window(setup.window());
        }
        TuningRun.run(run.build(), RunListener.SILENT);
        LowRankReference reference =
                new LowRankReference(
                        setup.direction(),
                        model,
                        temp.resolve("reference"),
                        SEED,
                        setup.rank(),
                        setup.window(),
                        dtype);
        for (StepRecord record : JournalReader.read(out.resolve("journal.jsonl")).records()) {
            checkStep(reference, input, record, setup.queries(), dtype);
            update(reference, record, setup);
        }
        reference.round();
        checkWeights(reference, out, dtype);
    }

    private void checkStep(
            LowRankReference reference, Path input, StepRecord record, int queries, DType dtype)
            throws IOException {
        assertThat(record.queries()).hasSize(queries);
        double bound = lossBound(dtype);
        for (QueryResult query : record.queries()) {
            double plus = reference.loss(input, record.step(), query.seed(), record.eps());
            double minus = reference.loss(input, record.step(), query.seed(), -record.eps());
            double slope = (plus - minus) / (2 * record.eps());
            assertThat(query.losses().get(0))
                    .as("step %d", record.step())
                    .isEqualTo(plus, within(bound));
            assertThat(query.losses().get(1))
                    .as("step %d", record.step())
                    .isEqualTo(minus, within(bound));
            assertThat(query.projectedGrad())
                    .as("step %d", record.step())
                    .isEqualTo(slope, within(slopeBound(dtype)));
        }
    }

    /** The reference goes where the run went, so that what is compared next is one step's error. */
    private static void update(LowRankReference reference, StepRecord record, Setup setup) {
        long[] seeds = record.queries().stream().mapToLong(QueryResult::seed).toArray();
        double[] slopes =
                record.queries().stream().mapToDouble(QueryResult::projectedGrad).toArray();
        if (setup.optimizer().equals("lozo-m")) {
            reference.updateWithMomentum(
                    record.step(), record.lr(), record.weightDecay(), 0.8, seeds, slopes);
        } else {
            reference.update(record.step(), record.lr(), record.weightDecay(), seeds, slopes);
        }
        if (record.step() % setup.foldEvery() == 0) {
            reference.round();
        }
    }

    private static void checkWeights(LowRankReference reference, Path out, DType dtype) {
        long differing = 0;
        long elements = 0;
        // A value near the middle between two of 16 bits may fall to either side, and later folds
        // start from there.
        double unit = dtype == DType.F32 ? 0 : dtype == DType.BF16 ? 0x1p-7 : 0x1p-10;
        try (SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            for (Map.Entry<String, double[]> tensor : reference.theta().entrySet()) {
                float[] actual = tuned.readFloats(tensor.getKey());
                double[] expected = tensor.getValue();
                assertThat(actual).hasSize(expected.length);
                double bound = WEIGHT_BOUND + unit * greatest(expected);
                for (int e = 0; e < actual.length; e++) {
                    assertThat((double) actual[e])
                            .as("element %d of %s", e, tensor.getKey())
                            .isEqualTo(expected[e], within(bound));
                    elements++;
                    if (Math.abs(actual[e] - expected[e]) > WEIGHT_BOUND) {
                        differing++;
                    }
                }
            }
        }
        assertThat((double) differing / elements).isLessThan(1e-3);
    }

    private static double greatest(double[] values) {
        double greatest = 0;
        for (double value : values) {
            greatest = Math.max(greatest, Math.abs(value));
        }
        return greatest;
    }
}
