package io.millrace.model.text;

import static io.millrace.model.text.Fixtures.seed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.millrace.memory.BadInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class BatchTest {
    private static final int NO = Example.NOT_SCORED;

    @Test
    void packsRowsAndShiftsLabels() {
        Batch batch =
                Batch.of(
                        List.of(
                                Example.scoringAll(new int[] {5, 6, 7}),
                                new Example(new int[] {8, 9}, new int[] {NO, NO}),
                                new Example(new int[] {1, 2, 3, 4}, new int[] {1, NO, 3, 11})));
        assertThat(batch.ids()).containsExactly(5, 6, 7, 8, 9, 1, 2, 3, 4);
        assertThat(batch.targets()).containsExactly(6, 7, NO, NO, NO, NO, 3, 11, NO);
        assertThat(batch.sequenceStarts()).containsExactly(0, 3, 5, 9);
        assertThat(batch.scoredTokens()).isEqualTo(4);
        assertThat(batch.rows()).isEqualTo(3);
        assertThat(batch.maxLength()).isEqualTo(4);
    }

    @Test
    void slicesMicroBatches() {
        Batch slice =
                Batch.of(
                                List.of(
                                        Example.scoringAll(new int[] {5, 6, 7}),
                                        Example.scoringAll(new int[] {8, 9}),
                                        Example.scoringAll(new int[] {1, 2})))
                        .slice(1, 3);
        assertThat(slice.ids()).containsExactly(8, 9, 1, 2);
        assertThat(slice.targets()).containsExactly(9, NO, 2, NO);
        assertThat(slice.sequenceStarts()).containsExactly(0, 2, 4);
        assertThat(slice.source()).containsExactly(3, 4, 5, 6);
        assertThatIllegalArgumentException().isThrownBy(() -> slice.slice(1, 1));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> slice.slice(0, 3));
    }

    @Test
    void dropsPaddingOnEitherSideAndInBetween() {
        long[] ids = {0, 0, 3, 4, 5, 6, 7, 0, 0, 0, 8, 0, 9, 0, 10};
        long[] mask = {0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 1};
        long[] labels = {NO, NO, NO, 4, 5, 6, NO, NO, NO, NO, 8, NO, 9, NO, 10};
        Batch batch = Batch.ofPadded(ids, mask, labels, 3, 5, false);
        assertThat(batch.ids()).containsExactly(3, 4, 5, 6, 7, 8, 9, 10);
        assertThat(batch.targets()).containsExactly(4, 5, NO, NO, NO, 9, 10, NO);
        assertThat(batch.sequenceStarts()).containsExactly(0, 3, 5, 8);
        assertThat(batch.source()).containsExactly(2, 3, 4, 5, 6, 10, 12, 14);
    }

    @Test
    void scoresEveryTokenWithoutLabelsAndKeepsEveryTokenWithoutMask() {
        Batch batch = Batch.ofPadded(new long[] {1, 2, 3, 4}, null, null, 2, 2, false);
        assertThat(batch.targets()).containsExactly(2, NO, 4, NO);
        assertThat(batch.source()).containsExactly(0, 1, 2, 3);
    }

    @Test
    void refusesRectanglesThatMakeNoSense() {
        long[] two = {1, 2};
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Batch.ofPadded(two, new long[] {0, 1}, null, 2, 1, false))
                .withMessageContaining("row 0 has no token");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Batch.ofPadded(two, new long[] {1, 2}, null, 1, 2, false))
                .withMessageContaining("attention_mask: row 0 has the value 2");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Batch.ofPadded(new long[] {1, -1}, null, null, 1, 2, false))
                .withMessageContaining("input_ids: has the value -1");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Batch.ofPadded(two, null, new long[] {1, -99}, 1, 2, false))
                .withMessageContaining("labels: has the value -99");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(
                        () -> Batch.ofPadded(new long[] {1, 1L << 40}, null, null, 1, 2, false));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Batch.ofPadded(two, null, null, 2, 2, false));
        assertThatIllegalArgumentException().isThrownBy(() -> Batch.of(List.of()));
    }

    @RepeatedTest(20)
    void agreesWithRowsThatAreReadOneByOne() {
        long seed = seed();
        Random random = new Random(seed);
        int rows = 1 + random.nextInt(5);
        int cols = 1 + random.nextInt(9);
        long[] ids = random.longs((long) rows * cols, 0, 1000).toArray();
        long[] mask = random.longs((long) rows * cols, 0, 2).toArray();
        long[] labels = Arrays.stream(ids).map(i -> random.nextInt(3) == 0 ? NO : i + 1).toArray();
        List<Example> examples = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            mask[row * cols + random.nextInt(cols)] = 1;
            List<Integer> kept = new ArrayList<>();
            for (int cell = row * cols; cell < (row + 1) * cols; cell++) {
                if (mask[cell] == 1) {
                    kept.add(cell);
                }
            }
            examples.add(
                    new Example(
                            kept.stream().mapToInt(cell -> (int) ids[cell]).toArray(),
                            kept.stream().mapToInt(cell -> (int) labels[cell]).toArray()));
        }
        Batch padded = Batch.ofPadded(ids, mask, labels, rows, cols, false);
        Batch packed = Batch.of(examples);
        assertThat(padded.ids()).as("seed %d", seed).isEqualTo(packed.ids());
        assertThat(padded.targets()).as("seed %d", seed).isEqualTo(packed.targets());
        assertThat(padded.sequenceStarts()).as("seed %d", seed).isEqualTo(packed.sequenceStarts());
        int scored = examples.stream().mapToInt(Example::scoredTokens).sum();
        assertThat(padded.scoredTokens()).as("seed %d", seed).isEqualTo(scored);
        for (int i = 0; i < padded.tokens(); i++) {
            assertThat(ids[padded.source()[i]]).as("seed %d", seed).isEqualTo(padded.ids()[i]);
        }
        int cut = random.nextInt(rows + 1);
        int scoredInParts = 0;
        for (int[] part : new int[][] {{0, cut}, {cut, rows}}) {
            if (part[0] < part[1]) {
                scoredInParts += padded.slice(part[0], part[1]).scoredTokens();
            }
        }
        assertThat(scoredInParts).as("seed %d", seed).isEqualTo(scored);
    }
}
