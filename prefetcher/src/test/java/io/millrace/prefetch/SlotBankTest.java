package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SlotBankTest {
    @Test
    void lendsTheSmallestThatFits() {
        try (SlotBank bank = bank(300, 100, 200)) {
            assertThat(bank.tryLend(150, 0)).isEqualTo(1);
            assertThat(bank.tryLend(150, 0)).isEqualTo(2);
            assertThat(bank.tryLend(150, 0)).isEqualTo(SlotBank.NONE);
            assertThat(bank.tryLend(50, 0)).isZero();
        }
    }

    @Test
    void leavesALargeSlotToTheBlockThatComesSoon() {
        try (SlotBank bank = bank(100, 100, 300)) {
            assertThat(bank.tryLend(90, 250)).isZero();
            assertThat(bank.tryLend(90, 250)).isEqualTo(1);
            assertThat(bank.tryLend(90, 250)).isEqualTo(SlotBank.NONE);
            assertThat(bank.tryLend(250, 90)).isEqualTo(2);
        }
    }

    @Test
    void borrowsALargeSlotThatNobodyNeedsSoon() {
        try (SlotBank bank = bank(100, 300)) {
            assertThat(bank.tryLend(90, 90)).isZero();
            assertThat(bank.tryLend(90, 90)).isEqualTo(1);
        }
    }

    @Test
    void lendsALargeSlotWhereNoOtherWouldEverFit() {
        try (SlotBank bank = bank(300, 300)) {
            assertThat(bank.tryLend(90, 250)).isZero();
            assertThat(bank.tryLend(90, 250)).isEqualTo(1);
        }
    }

    private static SlotBank bank(long... sizes) {
        List<Long> all = Arrays.stream(sizes).boxed().toList();
        return new SlotBank("test", all, (purpose, bytes) -> new Region());
    }

    private static final class Region implements DevicePort.Region {
        @Override
        public MemorySegment segment() {
            return MemorySegment.NULL;
        }

        @Override
        public void close() {}
    }
}
