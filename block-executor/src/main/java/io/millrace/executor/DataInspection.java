package io.millrace.executor;

import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.executor.run.DataSource;
import io.millrace.model.Checkpoint;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.data.Reading;
import io.millrace.model.text.option.DataPart;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a model would see of data, without a run. */
public final class DataInspection {
    private static final int SHOWN = 3;

    private DataInspection() {}

    /**
     * Reads data as a run would.
     *
     * @throws io.millrace.memory.BadInputException where a run would refuse it
     */
    public static DataReport run(DataRequest request) {
        try (Checkpoint base = Checkpoint.open(request.model());
                Tokenizer tokenizer = Tokenizer.of(request.model(), base.program().vocabSize())) {
            ModelProgram program = base.program();
            DataSource source = new DataSource(request.task(), program, tokenizer);
            DataPart part = request.heldOut() ? DataPart.HELD_OUT : DataPart.TRAIN;
            Reading reading = source.reading(request.data(), part);
            Dataset data = reading.data();
            return new DataReport(
                    reading,
                    sizes(data, source.seqLen()),
                    lengths(data.examples()),
                    data.examples().stream()
                            .limit(SHOWN)
                            .map(example -> shown(example, tokenizer))
                            .toList());
        }
    }

    private static DataReport.Sizes sizes(Dataset data, int seqLen) {
        return new DataReport.Sizes(
                data.examples().size(),
                data.classification().stream().mapToLong(one -> one.candidates().size()).sum(),
                data.examples().stream().mapToLong(Example::length).sum(),
                data.examples().stream().mapToLong(Example::scoredTokens).sum(),
                data.maxLength(),
                seqLen);
    }

    /** By powers of two. */
    private static SortedMap<Integer, Integer> lengths(List<Example> examples) {
        SortedMap<Integer, Integer> lengths = new TreeMap<>();
        for (Example example : examples) {
            int most = Integer.highestOneBit(Math.max(1, 2 * example.length() - 1));
            lengths.merge(most, 1, Integer::sum);
        }
        return lengths;
    }

    private static DataReport.Shown shown(Example example, Tokenizer tokenizer) {
        List<DataReport.Part> parts = new ArrayList<>();
        int from = 0;
        while (from < example.length()) {
            boolean scored = isScored(example, from);
            int to = from + 1;
            while (to < example.length() && isScored(example, to) == scored) {
                to++;
            }
            parts.add(new DataReport.Part(text(example, from, to, tokenizer), scored));
            from = to;
        }
        return new DataReport.Shown(example.length(), example.scoredTokens(), parts);
    }

    private static boolean isScored(Example example, int at) {
        return at >= example.firstLabel() && example.labels()[at] != Example.NOT_SCORED;
    }

    /** What some ids add to the text before them: by themselves they might lose a space. */
    private static String text(Example example, int from, int to, Tokenizer tokenizer) {
        String whole = tokenizer.decodeMarked(Arrays.copyOf(example.ids(), to));
        String before = tokenizer.decodeMarked(Arrays.copyOf(example.ids(), from));
        return whole.startsWith(before)
                ? whole.substring(before.length())
                : tokenizer.decodeMarked(Arrays.copyOfRange(example.ids(), from, to));
    }
}
