package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class MemorySamplerTest {
    private final AtomicLong clock = new AtomicLong();

    @Test
    void keepsWhatEverySourceSaysAndWhen() {
        AtomicLong held = new AtomicLong();
        MemorySampler sampler = new MemorySampler(4, clock::get, List.of(held::get, () -> 7));
        clock.set(10);
        held.set(100);
        sampler.sample();
        clock.set(20);
        held.set(50);
        sampler.sample();

        assertThat(sampler.size()).isEqualTo(2);
        assertThat(sampler.timeNs(1)).isEqualTo(20);
        assertThat(sampler.bytes(0, 0)).isEqualTo(100);
        assertThat(sampler.bytes(0, 1)).isEqualTo(50);
        assertThat(sampler.bytes(1, 1)).isEqualTo(7);
    }

    @Test
    void spansTheWholeTimeEvenlyHoweverLongItIs() {
        MemorySampler sampler = new MemorySampler(8, clock::get, List.of(clock::get));
        for (int i = 0; i < 1000; i++) {
            clock.set(i);
            sampler.sample();
        }

        assertThat(sampler.size()).isBetween(4, 8);
        assertThat(sampler.timeNs(0)).isZero();
        long stride = sampler.timeNs(1);
        for (int i = 0; i < sampler.size(); i++) {
            assertThat(sampler.bytes(0, i)).isEqualTo(sampler.timeNs(i));
            assertThat((double) sampler.timeNs(i))
                    .isCloseTo((double) (i * stride), within((double) stride));
        }
        assertThat(sampler.timeNs(sampler.size() - 1)).isGreaterThan(1000 - 2 * stride);
    }

    @Test
    void refusesARoomThatCannotBeHalved() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MemorySampler(3, clock::get, List.of()));
    }

    @Test
    void readsTheResidentBytesOfThisProcess() {
        try (ResidentSize resident = new ResidentSize()) {
            assertThat((double) resident.bytes())
                    .isCloseTo((double) ProcessMemory.read().residentBytes(), within(64e6));
        }
        assertThat(ResidentSize.secondNumber("12 345 6".getBytes(StandardCharsets.US_ASCII), 8))
                .isEqualTo(345);
    }

    @Test
    void allocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (ResidentSize resident = new ResidentSize()) {
            MemorySampler sampler =
                    new MemorySampler(256, System::nanoTime, List.of(resident::bytes));
            sample(sampler, 2000);

            long before = threads.getCurrentThreadAllocatedBytes();
            sample(sampler, 10_000);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;

            // One object a sample would be 160 kB.
            assertThat(allocated).isLessThan(4096);
        }
    }

    private static void sample(MemorySampler sampler, int count) {
        for (int i = 0; i < count; i++) {
            sampler.sample();
        }
    }
}
