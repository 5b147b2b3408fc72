package io.millrace.executor;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.objective.LogitsSink;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.memory.BadInputException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Batch;
import io.millrace.model.text.Example;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.update.MezoSgd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Token ids in, logits and losses out, through files: for checks against other programs. */
public final class ForwardPass {
    /** Ids of an input; the logits of so many would take hundreds of gigabytes. */
    private static final long MAX_IDS = 1L << 24;

    private ForwardPass() {}

    /**
     * What a forward found.
     *
     * @param meanLoss mean over the scored tokens, NaN when none is scored
     * @param scoredTokens how many
     */
    public record Result(double meanLoss, long scoredTokens) {}

    /**
     * Runs {@code input_ids} [B, T] (with {@code attention_mask} and {@code labels} where the file
     * has them) through a model and writes {@code logits} [B, T, V], {@code token_loss} [B, T − 1]
     * and {@code mean_loss}, float32. Of a masked language model labels are in place, {@code
     * token_loss} is [B, T], and without labels nothing is scored. A classifier has {@code logits}
     * [B, labels] alone, and takes no labels. Masked positions are left out of everything and
     * written as 0.
     *
     * @param model the Hugging Face folder
     * @param adapter folder of an adapter beside it, if there is one
     * @param input a safetensors file
     * @param output the file to write
     * @param memory where bytes may be
     * @throws BadInputException when the model or the input is refused, or the file cannot be
     *     written
     */
    public static Result run(
            Path model, Optional<Path> adapter, Path input, Path output, MemoryConfig memory) {
        GivenPaths.requireWritableFile("--output", output);
        try (ModelSession session = ModelSession.openWith(model, adapter, memory)) {
            ModelProgram program = session.tuned().program();
            Padded padded = Padded.read(input, program);
            session.checkpoint().scan();
            Batch batch = padded.batch();
            int longest = batch.maxLength();
            ScratchSize size = ScratchSize.batches(batch.rows(), 1, longest, Questions.each(1, 1));
            Forward forward = session.startPlain(size);
            long width = program.logitCount();
            HostMemory host = new HostMemory(session.ledger());
            try (HostSlab packed =
                            host.allocate(
                                    "logits",
                                    MicroBatch.withSlack(batch.tokens()) * width * Float.BYTES);
                    HostSlab spread =
                            host.allocate("padded logits", padded.cells() * width * Float.BYTES)) {
                forwardAll(forward, batch, packed.segment(), program);
                if (program.answers().isOfTexts()) {
                    ForwardOutput.writeLabels(output, batch.rows(), width, packed.segment());
                    return new Result(Double.NaN, 0);
                }
                scatter(batch, packed.segment(), spread.segment(), width);
                float[] losses = new float[padded.rows() * padded.lossColumns()];
                double sum = tokenLosses(padded, packed.segment(), program.logitCount(), losses);
                long scored = batch.scoredTokens();
                ForwardOutput.write(
                        output, padded, program, spread.segment(), losses, sum / scored);
                return new Result(sum / scored, scored);
            }
        }
    }

    /** By a model by itself. */
    public static Result run(Path model, Path input, Path output, MemoryConfig memory) {
        return run(model, Optional.empty(), input, output, memory);
    }

    /** Asks for the logits of every token, or of the one of each sequence that answers for it. */
    private static void forwardAll(
            Forward forward, Batch batch, MemorySegment logits, ModelProgram program) {
        Answers answers = program.answers();
        int width = program.logitCount();
        List<MicroBatch> microBatches = new ArrayList<>();
        int[] firstRows = new int[batch.rows()];
        for (int row = 0; row < batch.rows(); row++) {
            Batch sequence = batch.slice(row, row + 1);
            int[] rows =
                    switch (answers) {
                        case NEXT, IN_PLACE -> IntStream.range(0, sequence.tokens()).toArray();
                        case FIRST -> new int[1];
                        case LAST -> new int[] {sequence.tokens() - 1};
                    };
            int[] targets = new int[rows.length];
            Arrays.fill(targets, -1);
            firstRows[row] = answers.isOfTexts() ? row : batch.sequenceStarts()[row];
            microBatches.add(
                    new MicroBatch(
                            sequence.ids(),
                            Sequences.fresh(sequence.sequenceStarts()),
                            rows,
                            targets));
        }
        forward.run(
                ForwardRequest.plain(microBatches, new UpdateLog(new MezoSgd())),
                new LogitsSink(new Variants(new Floats(logits, 0), 0, width), firstRows));
    }

    private static void scatter(
            Batch batch, MemorySegment packed, MemorySegment spread, long width) {
        spread.fill((byte) 0);
        long bytes = width * Float.BYTES;
        for (int token = 0; token < batch.tokens(); token++) {
            MemorySegment.copy(packed, token * bytes, spread, batch.source()[token] * bytes, bytes);
        }
    }

    /** Fills token losses, and gives their sum; all arithmetic in double. */
    private static double tokenLosses(
            Padded padded, MemorySegment logits, int width, float[] losses) {
        Batch batch = padded.batch();
        double sum = 0;
        for (int token = 0; token < batch.tokens(); token++) {
            int target = batch.targets()[token];
            if (target == Example.NOT_SCORED) {
                continue;
            }
            long first = (long) token * width;
            double greatest = Double.NEGATIVE_INFINITY;
            for (int id = 0; id < width; id++) {
                greatest =
                        Math.max(greatest, logits.getAtIndex(ValueLayout.JAVA_FLOAT, first + id));
            }
            double total = 0;
            for (int id = 0; id < width; id++) {
                total += Math.exp(logits.getAtIndex(ValueLayout.JAVA_FLOAT, first + id) - greatest);
            }
            double loss =
                    greatest
                            + Math.log(total)
                            - logits.getAtIndex(ValueLayout.JAVA_FLOAT, first + target);
            sum += loss;
            // The loss of a target stands where the column before the target's stands.
            int cell = padded.inPlace() ? batch.source()[token] : batch.source()[token + 1] - 1;
            losses[cell / padded.columns() * padded.lossColumns() + cell % padded.columns()] =
                    (float) loss;
        }
        return sum;
    }

    /** The input as a rectangle. */
    record Padded(int rows, int columns, Batch batch, boolean inPlace) {
        int lossColumns() {
            return inPlace ? columns : columns - 1;
        }

        long cells() {
            return (long) rows * columns;
        }

        static Padded read(Path input, ModelProgram program) {
            try (SafetensorsFile file = SafetensorsFile.open(input)) {
                TensorInfo ids = file.tensor("input_ids");
                if (ids.shape().size() != 2 || ids.elementCount() == 0) {
                    throw new BadInputException(
                            input.toString(),
                            "input_ids has the shape " + ids.shape(),
                            "give [batch, tokens]");
                }
                if (ids.elementCount() > MAX_IDS) {
                    throw new BadInputException(
                            input.toString(),
                            "input_ids has " + ids.elementCount() + " ids",
                            "give at most " + MAX_IDS + " at once");
                }
                if (program.answers().isOfTexts() && file.find("labels").isPresent()) {
                    throw new BadInputException(
                            input.toString(),
                            "has labels, and the model is a classifier, whose logits alone are"
                                    + " written",
                            "leave them out; eval gives losses");
                }
                int rows = Math.toIntExact(ids.shape().get(0));
                int columns = Math.toIntExact(ids.shape().get(1));
                Batch batch =
                        Batch.ofPadded(
                                file.readLongs("input_ids"),
                                optional(file, input, "attention_mask", ids),
                                optional(file, input, "labels", ids),
                                rows,
                                columns,
                                program.answers().isInPlace());
                check(batch, input, program);
                return new Padded(rows, columns, batch, program.answers().isInPlace());
            }
        }

        private static long[] optional(
                SafetensorsFile file, Path input, String name, TensorInfo ids) {
            Optional<TensorInfo> tensor = file.find(name);
            if (tensor.isPresent() && !tensor.get().shape().equals(ids.shape())) {
                throw new BadInputException(
                        input.toString(),
                        name
                                + " has the shape "
                                + tensor.get().shape()
                                + ", input_ids "
                                + ids.shape(),
                        "give both the same shape");
            }
            return tensor.isPresent() ? file.readLongs(name) : null;
        }

        private static void check(Batch batch, Path input, ModelProgram program) {
            for (int index = 0; index < batch.tokens(); index++) {
                requireInVocabulary(batch.ids()[index], "input_ids", input, program);
                requireInVocabulary(batch.targets()[index], "labels", input, program);
            }
            if (batch.maxLength() > program.maxPositions()) {
                throw new BadInputException(
                        input.toString(),
                        "input_ids has a row of " + batch.maxLength() + " tokens",
                        "the model takes at most " + program.maxPositions());
            }
        }

        private static void requireInVocabulary(
                int id, String field, Path input, ModelProgram program) {
            if (id >= program.vocabSize() || (id < 0 && id != Example.NOT_SCORED)) {
                throw new BadInputException(
                        input.toString(),
                        field + " has the id " + id,
                        "the vocabulary ends at " + (program.vocabSize() - 1));
            }
        }
    }
}
