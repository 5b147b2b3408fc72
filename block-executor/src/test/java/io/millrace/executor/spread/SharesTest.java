package io.millrace.executor.spread;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.spread.Share.Part;
import io.millrace.executor.step.BlockSet;
import io.millrace.executor.step.Forward.Grain;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SharesTest {
    private static final Grain APART = new Grain(0, true);

    private static MicroBatch batch(int tokens) {
        return new MicroBatch(
                new int[tokens],
                Sequences.fresh(new int[] {0, tokens}),
                IntStream.range(0, Math.max(1, tokens / 2)).toArray(),
                new int[Math.max(1, tokens / 2)]);
    }

    private static List<MicroBatch> batches(int count) {
        return IntStream.range(0, count).mapToObj(_ -> batch(20)).toList();
    }

    private static List<Query> queries(int count, int scales) {
        List<Query> queries = new ArrayList<>();
        for (int query = 0; query < count; query++) {
            queries.add(
                    new Query(
                            query + 1,
                            IntStream.range(0, scales)
                                    .mapToObj(scale -> scale % 2 == 0 ? 1e-3f : -1e-3f)
                                    .toList()));
        }
        return queries;
    }

    private static ForwardRequest request(List<Query> queries, List<List<MicroBatch>> batches) {
        return new ForwardRequest(
                1, batches, queries, null, BlockSet.ALL, ForwardRequest.Folding.SCHEDULED);
    }

    /** Cells of each share. */
    private static List<Integer> cells(
            int queries, int scales, int batches, Grain grain, Parallel mode, int workers) {
        return Shares.of(
                        request(queries(queries, scales), List.of(batches(batches))),
                        grain,
                        mode,
                        workers)
                .stream()
                .map(share ->
                        share.parts().stream()
                                .mapToInt(part -> part.scales() * part.batches().size())
                                .sum())
                .toList();
    }

    @Test
    void modesDivideWhatTheySay() {
        assertThat(cells(1, 2, 4, APART, Parallel.PERTP, 2)).containsExactly(4, 4);
        assertThat(cells(1, 2, 4, APART, Parallel.PERTP, 4)).containsExactly(4, 4, 0, 0);
        assertThat(cells(1, 2, 4, APART, Parallel.DDP, 4)).containsExactly(2, 2, 2, 2);
        assertThat(cells(1, 2, 4, APART, Parallel.DDP, 3)).containsExactlyInAnyOrder(2, 4, 2);
        assertThat(cells(1, 2, 4, APART, Parallel.GRID, 8)).containsOnly(1);
        assertThat(cells(8, 2, 1, APART, Parallel.AUTO, 16)).containsOnly(1);
        // Directions before signs, and micro-batches before signs: each forms a direction anew.
        assertThat(cells(4, 2, 4, APART, Parallel.AUTO, 4)).containsOnly(8);
        assertThat(cells(1, 2, 2, APART, Parallel.AUTO, 2)).containsExactly(2, 2);
    }

    @Test
    void whatSharesProductsStaysTogether() {
        Grain groups = new Grain(4, true);
        assertThat(cells(4, 2, 1, groups, Parallel.PERTP, 4)).containsExactly(4, 4, 0, 0);
        Grain queries = new Grain(0, false);
        assertThat(cells(2, 2, 1, queries, Parallel.PERTP, 4)).containsExactly(2, 2, 0, 0);
        assertThat(cells(2, 2, 1, Grain.WHOLE, Parallel.AUTO, 2)).containsExactly(4, 0);
        // A loss at θ among others stays with them, and one of its own does not.
        Query mixed = new Query(1, List.of(0f, 1e-3f, -1e-3f));
        List<Share> shares =
                Shares.of(
                        request(List.of(Query.AT_THETA, mixed), List.of(batches(1))),
                        APART,
                        Parallel.PERTP,
                        4);
        assertThat(shares.stream().map(share -> share.parts().size()).toList())
                .containsExactly(1, 1, 0, 0);
    }

    @Test
    void aLossAtThetaKnowsThatOthersAreAsked() {
        ForwardRequest whole =
                request(List.of(Query.AT_THETA, queries(1, 1).getFirst()), List.of(batches(1)));
        ForwardRequest share = Shares.of(whole, APART, Parallel.PERTP, 2).getFirst().of(whole);
        assertThat(share.queries()).containsExactly(Query.AT_THETA);
        assertThat(share.isStill()).isFalse();
        assertThat(share.atTheta().isStill()).isTrue();
        assertThat(whole.share(whole.batches(), List.of(Query.AT_THETA)).isStill()).isFalse();
    }

    /**
     * Whatever is asked of however many: each cell is one worker's, and comes back in its place.
     */
    @Test
    void everyCellIsAskedOnceAndTold() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            List<Query> queries = queries(1 + random.nextInt(9), 1 + random.nextInt(3));
            boolean together = random.nextBoolean();
            List<List<MicroBatch>> batches = new ArrayList<>();
            for (int query = 0; query < (together ? 1 : queries.size()); query++) {
                batches.add(
                        IntStream.range(0, 1 + random.nextInt(7))
                                .mapToObj(_ -> batch(1 + random.nextInt(90)))
                                .toList());
            }
            Grain grain = new Grain(random.nextInt(3) * 2, random.nextBoolean());
            Parallel mode = List.of(Parallel.values()).get(random.nextInt(4));
            int workers = 1 + random.nextInt(12);
            ForwardRequest whole = request(queries, batches);
            Recorder heard = new Recorder(random.nextInt(3));
            Set<List<Integer>> wanted = new HashSet<>();
            for (int query = 0; query < queries.size(); query++) {
                for (int scale = 0; scale < queries.get(query).scales().size(); scale++) {
                    int count = ForwardRequest.ofQuery(batches, query).size();
                    for (int microBatch = 0; microBatch < count; microBatch++) {
                        wanted.add(List.of(query, scale, microBatch));
                    }
                }
            }
            List<Share> shares = Shares.of(whole, grain, mode, workers);
            assertThat(shares).as("seed %d", seed).hasSize(workers);
            for (Share share : shares) {
                CellSink cells = new CellSink(share, heard);
                answer(share, cells);
                CellSink.tell(share, cells.cells(), 0, heard);
            }
            assertThat(heard.cells).as("seed %d", seed).doesNotHaveDuplicates();
            assertThat(new HashSet<>(heard.cells)).as("seed %d", seed).isEqualTo(wanted);
            assertThat(heard.inOrder).as("seed %d", seed).isTrue();
        }
    }

    /** What a cell's head rows say: numbers that tell which cell they are of. */
    private static double value(int query, int scale, int microBatch, int row) {
        return query * 1e6 + scale * 1e4 + microBatch * 100 + row;
    }

    private static void answer(Share share, CellSink cells) {
        for (int query = 0; query < share.parts().size(); query++) {
            Part part = share.parts().get(query);
            for (int index = 0; index < part.batches().size(); index++) {
                for (int scale = 0; scale < part.scales(); scale++) {
                    int rows = part.batches().get(index).headRows().length;
                    int whole = part.firstBatch() + index;
                    double[] losses = new double[rows];
                    for (int row = 0; row < rows; row++) {
                        losses[row] = value(part.query(), part.firstScale() + scale, whole, row);
                    }
                    if (cells.wantsChoices()) {
                        int half = rows / 2; // as a head in panels may
                        int[] ids =
                                IntStream.range(0, rows).map(row -> (int) losses[row]).toArray();
                        cells.choices(query, scale, index, ids, half);
                        cells.choices(
                                query,
                                scale,
                                index,
                                Arrays.copyOfRange(ids, half, rows),
                                rows - half);
                    } else {
                        cells.losses(query, scale, index, losses, rows);
                    }
                }
            }
        }
    }

    /** Takes losses, sums or choices, and holds each to its cell. */
    private static final class Recorder implements HeadSink {
        private final int kind;
        private final List<List<Integer>> cells = new ArrayList<>();
        private final Map<List<Integer>, Integer> last = new HashMap<>();
        private boolean inOrder = true;

        Recorder(int kind) {
            this.kind = kind;
        }

        @Override
        public boolean wantsLogits() {
            return false;
        }

        @Override
        public boolean wantsSums() {
            return kind == 1;
        }

        @Override
        public boolean wantsChoices() {
            return kind == 2;
        }

        @Override
        public Variants logits(int query, int microBatch) {
            throw new IllegalStateException();
        }

        @Override
        public void losses(int query, int scale, int microBatch, double[] losses, int count) {
            for (int row = 0; row < count; row++) {
                assertThat(losses[row]).isEqualTo(value(query, scale, microBatch, row));
            }
            hear(query, scale, microBatch);
        }

        @Override
        public void sum(int query, int scale, int microBatch, double sum, int count) {
            double expected = 0;
            for (int row = 0; row < count; row++) {
                expected += value(query, scale, microBatch, row);
            }
            assertThat(sum).isEqualTo(expected);
            hear(query, scale, microBatch);
        }

        @Override
        public void choices(int query, int scale, int microBatch, int[] ids, int count) {
            for (int row = 0; row < count; row++) {
                assertThat(ids[row]).isEqualTo((int) value(query, scale, microBatch, row));
            }
            hear(query, scale, microBatch);
        }

        private void hear(int query, int scale, int microBatch) {
            cells.add(List.of(query, scale, microBatch));
            Integer before = last.put(List.of(query, scale), microBatch);
            inOrder &= before == null || before < microBatch;
        }
    }
}
