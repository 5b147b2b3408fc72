package io.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ByteSizeTest {
    @Test
    void whatIsNeededAtLeastIsEnoughWhenItIsTypedBack() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 100_000; round++) {
            long bytes = random.nextLong(1L << random.nextInt(1, 62));
            String text = ByteSize.formatAtLeast(bytes);
            long read = ByteSize.parse(text);
            assertThat(read)
                    .as("%d as %s, seed %d", bytes, text, seed)
                    .isBetween(bytes, bytes + bytes / 90 + 1);
            assertThat(text).hasSizeLessThan(11);
        }
    }

    @Test
    void roundsUpAcrossUnits() {
        assertThat(ByteSize.formatAtLeast(1023)).isEqualTo("1023B");
        assertThat(ByteSize.formatAtLeast(1024)).isEqualTo("1.00KiB");
        assertThat(ByteSize.formatAtLeast(1025)).isEqualTo("1.01KiB");
        assertThat(ByteSize.formatAtLeast((1 << 20) - 1)).isEqualTo("1.00MiB");
        assertThat(ByteSize.formatAtLeast((1 << 20) + 1)).isEqualTo("1.01MiB");
        assertThat(ByteSize.formatAtLeast(255_580_000)).isEqualTo("243.75MiB");
        assertThat(ByteSize.format(255_580_000)).isEqualTo("243.74MiB");
    }
}
