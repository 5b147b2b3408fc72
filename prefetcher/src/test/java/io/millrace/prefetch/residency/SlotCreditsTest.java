package io.millrace.prefetch.residency;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SlotCreditsTest {
    @Test
    void lendsTheSmallestThatFits() {
        SlotCredits credits = credits(300, 100, 200);
        assertThat(credits.tryLend(150, 0)).isEqualTo(1);
        assertThat(credits.tryLend(150, 0)).isEqualTo(2);
        assertThat(credits.tryLend(150, 0)).isEqualTo(SlotCredits.NONE);
        assertThat(credits.tryLend(50, 0)).isZero();
    }

    @Test
    void leavesALargeSlotToTheBlockThatComesSoon() {
        SlotCredits credits = credits(100, 100, 300);
        assertThat(credits.tryLend(90, 250)).isZero();
        assertThat(credits.tryLend(90, 250)).isEqualTo(1);
        assertThat(credits.tryLend(90, 250)).isEqualTo(SlotCredits.NONE);
        assertThat(credits.tryLend(250, 90)).isEqualTo(2);
    }

    @Test
    void borrowsALargeSlotThatNobodyNeedsSoon() {
        SlotCredits credits = credits(100, 300);
        assertThat(credits.tryLend(90, 90)).isZero();
        assertThat(credits.tryLend(90, 90)).isEqualTo(1);
    }

    @Test
    void lendsALargeSlotWhereNoOtherWouldEverFit() {
        SlotCredits credits = credits(300, 300);
        assertThat(credits.tryLend(90, 250)).isZero();
        assertThat(credits.tryLend(90, 250)).isEqualTo(1);
    }

    @Test
    void takesNoSlotBackTwice() {
        SlotCredits credits = credits(100);
        credits.giveBack(credits.tryLend(90, 0));
        assertThat(credits.lentCount()).isZero();
        assertThat(credits.mostLent()).isOne();
        assertThatThrownBy(() -> credits.giveBack(0)).hasMessageContaining("twice");
    }

    @Test
    void aCutSlotHoldsOneLargeBlockOrSeveralSmallOnes() {
        SlotCredits credits = new SlotCredits(List.of(SlotCut.of(250, 100)));
        int first = credits.tryLend(90, 0);
        int second = credits.tryLend(90, 0);
        assertThat(List.of(first, second)).containsExactly(0, 1);
        assertThat(credits.tryLend(90, 0)).isEqualTo(SlotCredits.NONE);
        assertThat(credits.tryLend(200, 0)).isEqualTo(SlotCredits.NONE);
        credits.giveBack(first);
        assertThat(credits.tryLend(200, 0)).isEqualTo(SlotCredits.NONE);
        credits.giveBack(second);
        assertThat(credits.tryLend(200, 0)).isEqualTo(2);
        assertThat(credits.tryLend(90, 0)).isEqualTo(SlotCredits.NONE);
        assertThat(credits.mostLent()).isEqualTo(2);
    }

    @Test
    void leavesThePartsOfASlotToTheLargeBlockThatComesSoon() {
        SlotCredits credits =
                new SlotCredits(List.of(SlotCut.of(250, 100), new SlotCut(100, 0, 0)));
        assertThat(credits.tryLend(90, 220)).isZero();
        assertThat(credits.tryLend(90, 220)).isEqualTo(SlotCredits.NONE);
        assertThat(credits.tryLend(90, 90)).isEqualTo(1);
    }

    @Test
    void cutsNothingThatHoldsLessThanTwo() {
        assertThat(SlotCut.of(199, 100)).isEqualTo(new SlotCut(199, 0, 0));
        assertThat(SlotCut.of(200, 100)).isEqualTo(new SlotCut(200, 2, 100));
        assertThatThrownBy(() -> new SlotCut(199, 2, 100)).hasMessageContaining("2 parts of 100");
    }

    private static SlotCredits credits(long... sizes) {
        return new SlotCredits(SlotCut.whole(Arrays.stream(sizes).boxed().toList()));
    }
}
