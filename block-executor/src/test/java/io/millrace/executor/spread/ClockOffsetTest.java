package io.millrace.executor.spread;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.spread.PeersInProcess.End;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Workers of one machine whose clocks are set apart. */
class ClockOffsetTest {
    private static final long[] APART_NS = {
        5_000_000_000L, -3_000_000_000L, 123_456_789_000_000L, 5_000_000_000L
    };

    @Test
    void isWithinWhatItSaysItIs() {
        List<End<ClockOffset>> ends =
                PeersInProcess.run(
                        APART_NS.length,
                        peers ->
                                new Workers(peers)
                                        .clock(() -> System.nanoTime() + APART_NS[peers.rank()]));
        ClockOffset first = ends.getFirst().result();
        assertThat(first.offsetNs()).isZero();
        assertThat(first.errorNs()).isZero();
        for (int rank = 1; rank < APART_NS.length; rank++) {
            ClockOffset found = ends.get(rank).result();
            long actual = APART_NS[rank] - APART_NS[0];
            // Worker 0 may be woken a while after it has heard everybody.
            long late = TimeUnit.MILLISECONDS.toNanos(500);
            assertThat(found.errorNs()).isBetween(0L, late);
            assertThat(Math.abs(found.offsetNs() - actual)).isLessThan(found.errorNs() + late);
            assertThat(found.originNs()).isEqualTo(first.originNs() + found.offsetNs());
        }
    }
}
