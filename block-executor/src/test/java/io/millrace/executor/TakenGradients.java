package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.BlockSet;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.TurnCounts;
import io.millrace.executor.step.UpdateLog;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.Answers;
import io.millrace.optim.estimate.Questions;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Gradients of a model's tensors by their names.
 *
 * @param loss of the batch
 * @param norm of all
 * @param tensors of each that a visited block trains
 * @param layout of the model
 */
public record TakenGradients(
        double loss, double norm, Map<String, float[]> tensors, ModelLayout layout) {
    /**
     * Takes them.
     *
     * @param config of a rule that asks for the gradient
     * @param batches the batch, as the model answers
     */
    public static TakenGradients of(
            Path model,
            ArithmeticConfig config,
            MemoryConfig memory,
            Function<Answers, List<MicroBatch>> batches) {
        Map<String, float[]> tensors = new HashMap<>();
        try (ModelSession session =
                ModelSession.openRun(model, config, memory, Optional.empty(), _ -> {})) {
            List<MicroBatch> all = batches.apply(session.tuned().program().answers());
            Forward forward =
                    session.plan(
                                    size(all),
                                    Arithmetic.of(config),
                                    session.start(config.seed()),
                                    false)
                            .start(Optional.empty(), 1)
                            .forward();
            GradientSteps.Found found =
                    forward.gradients()
                            .gradients(
                                    new GradientSteps.Asked(
                                            1,
                                            42,
                                            all,
                                            new UpdateLog(config.rule()),
                                            BlockSet.ALL,
                                            0,
                                            0,
                                            new TurnCounts(session.layout(), true)),
                                    (tensor, place, elements) ->
                                            tensors.put(
                                                    tensor,
                                                    place.segment()
                                                            .asSlice(
                                                                    place.start() * Float.BYTES,
                                                                    elements * Float.BYTES)
                                                            .toArray(ValueLayout.JAVA_FLOAT)));
            return new TakenGradients(found.loss(), found.norm(), tensors, session.layout());
        }
    }

    /** Two micro-batches of two made-up sequences each, for a decoder of so many ids. */
    public static List<MicroBatch> decoderBatches(int ids) {
        Random random = new Random(19);
        return IntStream.range(0, 2)
                .mapToObj(_ -> {
                    int[] tokens = random.ints(21, 0, ids).toArray();
                    int[] rows = IntStream.range(0, 20).filter(row -> row != 8).toArray();
                    int[] targets = IntStream.of(rows).map(row -> tokens[row + 1]).toArray();
                    Sequences sequences = Sequences.fresh(new int[] {0, 9, 21});
                    return new MicroBatch(tokens, sequences, rows, targets);
                })
                .toList();
    }

    /**
     * Holds these to gradients of the same names.
     *
     * @param within how far each may be off, in parts of the norm of all; 0 where bits are the same
     */
    public void assertSame(TakenGradients others, double within) {
        assertThat(tensors.keySet()).isEqualTo(others.tensors.keySet());
        tensors.forEach((name, gradient) -> {
            float[] other = others.tensors.get(name);
            double squares = 0;
            for (int i = 0; i < gradient.length; i++) {
                double off = (double) gradient[i] - other[i];
                squares += off * off;
            }
            assertThat(Math.sqrt(squares)).as(name).isLessThanOrEqualTo(within * others.norm);
        });
    }

    private static ScratchSize size(List<MicroBatch> batches) {
        int sequences = 0;
        int each = 0;
        int longest = 0;
        for (MicroBatch batch : batches) {
            int count = batch.sequences().starts().length - 1;
            sequences += count;
            each = Math.max(each, count);
            for (int sequence = 0; sequence < count; sequence++) {
                longest = Math.max(longest, batch.sequences().length(sequence));
            }
        }
        return ScratchSize.batches(sequences, each, longest, Questions.each(1, 1));
    }
}
