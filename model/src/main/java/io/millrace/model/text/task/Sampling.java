package io.millrace.model.text.task;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * Which rows of a data set a run sees.
 *
 * <ul>
 *   <li>A decoder's task (MeZO): of a permutation of the training part the first {@code train +
 *       dev}, of which the last {@code dev} are held out; of a permutation of the part to evaluate
 *       on the first {@code eval}, by the same seed.
 *   <li>With {@code shots} (LM-BFF): of a permutation, of each label in the order in which labels
 *       come up, the first {@code shots} to tune on and as many behind them held out. What is
 *       evaluated on is drawn by the seed 42, and only where it has more than {@code eval} rows.
 * </ul>
 *
 * @param train rows to tune on; those of the task's paper where empty
 * @param dev rows held out; likewise
 * @param eval rows to evaluate on; 0 for all
 * @param shots rows of each label, or empty for none of the kind
 * @param seed of the permutations; that of the task's paper where empty
 */
public record Sampling(
        OptionalInt train, OptionalInt dev, int eval, OptionalInt shots, OptionalLong seed) {
    /** Rows that papers tune on. */
    public static final int TRAIN = 1000;

    /** Rows that papers evaluate on. */
    public static final int EVAL = 1000;

    /** Rows of each label of a masked model's task. */
    public static final int SHOTS = 16;

    private static final long FEW_SHOT_SEED = 13;
    private static final long EVAL_SEED = 42;
    private static final int SEEDS = 10_000;

    /** As the papers do it. */
    public static final Sampling PUBLISHED =
            new Sampling(
                    OptionalInt.empty(),
                    OptionalInt.empty(),
                    EVAL,
                    OptionalInt.empty(),
                    OptionalLong.empty());

    /**
     * Rows to tune on and rows held out, as indices into the file.
     *
     * @param train to tune on
     * @param heldOut the others
     */
    public record Parts(List<Integer> train, List<Integer> heldOut) {}

    /**
     * Divides a training part.
     *
     * @param task whose it is
     * @param rows how many it has
     * @param label of each row
     */
    public Parts divide(Task task, int rows, ToIntFunction<Integer> label) {
        if (task instanceof PromptTask prompts && shots.isEmpty()) {
            int held = dev.orElse(prompts.heldOut());
            int wanted = train.orElse(TRAIN) + held;
            List<Integer> drawn = permuted(seed.orElse(0), rows);
            drawn = drawn.subList(0, Math.min(wanted, rows));
            int cut = Math.max(0, drawn.size() - held);
            return new Parts(drawn.subList(0, cut), drawn.subList(cut, drawn.size()));
        }
        return fewShots(rows, label);
    }

    private Parts fewShots(int rows, ToIntFunction<Integer> label) {
        int each = shots.orElse(SHOTS);
        Map<Integer, List<Integer>> labelled = new LinkedHashMap<>();
        for (int row : permuted(seed.orElse(FEW_SHOT_SEED), rows)) {
            labelled.computeIfAbsent(label.applyAsInt(row), _ -> new ArrayList<>()).add(row);
        }
        List<Integer> tuned = new ArrayList<>();
        List<Integer> held = new ArrayList<>();
        for (List<Integer> of : labelled.values()) {
            int first = Math.min(each, of.size());
            tuned.addAll(of.subList(0, first));
            held.addAll(of.subList(first, Math.min(2 * each, of.size())));
        }
        return new Parts(List.copyOf(tuned), List.copyOf(held));
    }

    /** The rows of a part that is evaluated on. */
    public List<Integer> evaluated(Task task, int rows) {
        boolean all = eval == 0 || (task instanceof MaskTask && rows <= eval);
        if (all) {
            return IntStream.range(0, rows).boxed().toList();
        }
        long by = task instanceof MaskTask ? EVAL_SEED : seed.orElse(0);
        return permuted(by, rows).subList(0, Math.min(eval, rows));
    }

    /**
     * The demonstrations of each row that is evaluated: one sample for all where a seed is given,
     * else a sample for each, by seeds that seed 0 draws.
     *
     * @param rows of the part that they are drawn from
     * @param each how many a row has
     * @param evaluated how many rows there are
     */
    public List<List<Integer>> demonstrations(int rows, int each, int evaluated) {
        int count = Math.min(each, rows);
        if (seed.isPresent()) {
            List<Integer> same = permuted(seed.getAsLong(), rows).subList(0, count);
            return Collections.nCopies(evaluated, same);
        }
        return Arrays.stream(new LegacyRandom(0).integers(evaluated, SEEDS))
                .mapToObj(drawn -> List.copyOf(permuted(drawn, rows).subList(0, count)))
                .toList();
    }

    private static List<Integer> permuted(long seed, int rows) {
        return Arrays.stream(new LegacyRandom(seed).permutation(rows)).boxed().toList();
    }
}
