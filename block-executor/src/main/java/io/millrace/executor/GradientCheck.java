package io.millrace.executor;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.objective.MeanSink;
import io.millrace.executor.place.BlockOrigin;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.BlockSet;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.TurnCounts;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.random.SplitMix64;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Holds the two halves of the program to each other: slopes of the loss along random directions, as
 * forward passes find them, and the gradient's inner products with the same directions.
 */
public final class GradientCheck {
    private static final int PIECE = 1 << 14;

    private GradientCheck() {}

    /**
     * What is checked.
     *
     * @param model the Hugging Face folder
     * @param arithmetic what is trained; of a first-order rule
     * @param memory where bytes may be
     * @param sequences made-up sequences of the batch
     * @param tokens of each
     * @param directions how many
     * @param eps scale of a direction
     */
    public record Asked(
            Path model,
            ArithmeticConfig arithmetic,
            MemoryConfig memory,
            int sequences,
            int tokens,
            int directions,
            double eps) {
        /** Checks the numbers. */
        public Asked {
            require(sequences >= 1, "--batch-size", sequences, "give at least 1");
            // The first token of a text is scored by none.
            require(tokens >= 2, "--seq-len", tokens, "give at least 2");
            require(directions >= 1, "--directions", directions, "give at least 1");
            require(eps > 0 && eps < 1, "--eps", eps, "give a number such as 0.001");
        }

        private static void require(boolean holds, String option, Object given, String mend) {
            if (!holds) {
                throw new BadInputException(option, given + " is beyond its limits", mend);
            }
        }
    }

    /**
     * One direction.
     *
     * @param slope the loss's along it, by two forwards
     * @param product the gradient's inner product with it
     */
    public record Line(double slope, double product) {}

    /**
     * What was found.
     *
     * @param loss of the batch
     * @param norm of the gradient: what slopes are about as large as
     * @param lines of each direction
     */
    public record Result(double loss, double norm, List<Line> lines) {
        /** Freezes the lines. */
        public Result {
            lines = List.copyOf(lines);
        }

        /** How far a slope is off, as a share of the gradient's norm. */
        public double difference(Line line) {
            return Math.abs(line.slope - line.product) / norm;
        }

        /** The largest of these. */
        public double worst() {
            return lines.stream().mapToDouble(this::difference).max().orElseThrow();
        }
    }

    /**
     * Checks.
     *
     * @throws io.millrace.memory.BadInputException where the model has no way back, or memory does
     *     not hold it
     */
    public static Result run(Asked asked) {
        ArithmeticConfig config = asked.arithmetic;
        try (ModelSession session =
                ModelSession.openRun(
                        asked.model, config, asked.memory, Optional.empty(), _ -> {})) {
            ModelProgram program = session.tuned().program();
            if (asked.tokens > program.maxPositions()) {
                throw new BadInputException(
                        "--seq-len",
                        asked.tokens + " tokens are more than the model takes",
                        "give at most " + program.maxPositions());
            }
            ScratchSize size =
                    ScratchSize.batches(asked.sequences, 1, asked.tokens, Questions.each(1, 2));
            BlockOrigin origin = session.start(config.seed());
            Forward forward =
                    session.plan(size, Arithmetic.of(config), origin, false)
                            .start(Optional.empty(), 1)
                            .forward();
            List<MicroBatch> batches = batches(program, asked, config.seed());
            UpdateLog updates = new UpdateLog(config.rule());
            List<Long> seeds =
                    IntStream.rangeClosed(1, asked.directions)
                            .mapToObj(one -> SplitMix64.output(config.seed(), one))
                            .toList();
            double[] products = new double[seeds.size()];
            GradientSteps.Found found =
                    forward.gradients()
                            .gradients(
                                    new GradientSteps.Asked(
                                            1,
                                            config.seed(),
                                            batches,
                                            updates,
                                            BlockSet.ALL,
                                            0,
                                            0,
                                            new TurnCounts(session.layout(), true)),
                                    (tensor, gradient, elements) ->
                                            add(
                                                    session.layout().tuned(),
                                                    tensor,
                                                    gradient,
                                                    elements,
                                                    seeds,
                                                    products));
            List<Line> lines = new ArrayList<>();
            for (int one = 0; one < products.length; one++) {
                double slope = slope(forward, batches, updates, seeds.get(one), asked.eps);
                lines.add(new Line(slope, products[one]));
            }
            return new Result(found.loss(), found.norm(), lines);
        }
    }

    private static double slope(
            Forward forward, List<MicroBatch> batches, UpdateLog updates, long seed, double eps) {
        Query query = new Query(seed, List.of((float) eps, (float) -eps));
        MeanSink sink = new MeanSink();
        sink.prepare(List.of(query));
        forward.run(
                new ForwardRequest(
                        updates.lastStep(),
                        List.of(batches),
                        List.of(query),
                        updates,
                        BlockSet.ALL,
                        ForwardRequest.Folding.READ_ONLY),
                sink);
        return (sink.mean(0, 0) - sink.mean(0, 1)) / (2 * (double) (float) eps);
    }

    private static void add(
            ModelLayout trained,
            String tensor,
            Floats gradient,
            long elements,
            List<Long> seeds,
            double[] products) {
        int id = trained.find(tensor).orElseThrow().slot().tensorId();
        GaussianDirection direction = new GaussianDirection();
        float[] z = new float[PIECE];
        for (int one = 0; one < products.length; one++) {
            for (long first = 0; first < elements; first += PIECE) {
                int count = (int) Math.min(PIECE, elements - first);
                direction.fill(seeds.get(one), id, first, z, 0, count);
                for (int i = 0; i < count; i++) {
                    products[one] +=
                            (double) z[i]
                                    * gradient.segment()
                                            .getAtIndex(
                                                    ValueLayout.JAVA_FLOAT,
                                                    gradient.start() + first + i);
                }
            }
        }
    }

    /** Made-up tokens, and what they are scored by. */
    private static List<MicroBatch> batches(ModelProgram program, Asked asked, long seed) {
        Random random = new Random(seed);
        List<MicroBatch> batches = new ArrayList<>();
        for (int sequence = 0; sequence < asked.sequences; sequence++) {
            int[] ids = random.ints(asked.tokens, 0, program.vocabSize()).toArray();
            int[] rows =
                    switch (program.answers()) {
                        case NEXT -> IntStream.range(0, asked.tokens - 1).toArray();
                        case IN_PLACE -> IntStream.range(0, asked.tokens).toArray();
                        case FIRST -> new int[1];
                        case LAST -> new int[] {asked.tokens - 1};
                    };
            int[] targets =
                    switch (program.answers()) {
                        case NEXT -> IntStream.of(rows).map(row -> ids[row + 1]).toArray();
                        case IN_PLACE, FIRST, LAST ->
                                random.ints(rows.length, 0, program.logitCount()).toArray();
                    };
            batches.add(
                    new MicroBatch(
                            ids, Sequences.fresh(new int[] {0, asked.tokens}), rows, targets));
        }
        return batches;
    }
}
