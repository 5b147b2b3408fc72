package io.millrace.model.text.masked;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MaskedTextTest {
    private static final int MASK = -7;
    private static final int[] LEADING = {100, 101};
    private static final int[] TRAILING = {200};

    @Test
    void putsATextThatFitsBetweenItsMarks() {
        MaskedText text = MaskedText.of(LEADING, new int[] {1, MASK, 3}, TRAILING, 1, 6);
        assertThat(text.ids()).containsExactly(100, 101, 1, MASK, 3, 200);
        assertThat(text.place()).isEqualTo(3);
        assertThat(text.labels(9, -100)).containsExactly(-100, -100, -100, 9, -100, -100);
        assertThat(MaskedText.places(text.ids(), MASK)).containsExactly(3);
        assertThat(MaskedText.places(text.ids(), 8)).isEmpty();
    }

    @Test
    void keepsTheMaskAndTheMarksOfTheShortestText() {
        MaskedText text = MaskedText.of(LEADING, new int[] {1, 2, MASK, 4}, TRAILING, 2, 4);
        assertThat(text.ids()).containsExactly(100, 101, MASK, 200);
        assertThat(text.place()).isEqualTo(2);
    }

    /** As if tokens were taken one by one from the longer side. */
    @Test
    void leavesOutWhatIsFarthestFromTheMask() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            int length = 1 + random.nextInt(20);
            int place = random.nextInt(length);
            int[] body = IntStream.range(0, length).toArray();
            body[place] = MASK;
            int most = 4 + random.nextInt(20);
            int before = place;
            int behind = length - place - 1;
            while (before + 1 + behind > most - 3) {
                if (before > behind) {
                    before--;
                } else {
                    behind--;
                }
            }
            MaskedText text = MaskedText.of(LEADING, body, TRAILING, place, most);
            int from = place - before;
            int to = place + behind + 1;
            int[] kept = IntStream.range(from, to).map(i -> body[i]).toArray();
            String what = "seed " + seed + ": mask " + place + " of " + length + ", " + most;
            assertThat(text.ids()).as(what).startsWith(LEADING).endsWith(TRAILING);
            assertThat(text.ids()).as(what).hasSize(kept.length + 3).containsSequence(kept);
            assertThat(text.ids()[text.place()]).as(what).isEqualTo(MASK);
        }
    }
}
