package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

class ProcessMemoryTest {
    @Test
    void readsKibibytesAsBytes() {
        String status = "Name:\tjava\nVmHWM:\t  123456 kB\nVmRSS:\t     789 kB\n";

        assertThat(ProcessMemory.bytes(status, "VmHWM")).isEqualTo(123456L * 1024);
        assertThat(ProcessMemory.bytes(status, "VmRSS")).isEqualTo(789L * 1024);
    }

    @Test
    void saysWhichFieldIsMissing() {
        assertThatIllegalStateException()
                .isThrownBy(() -> ProcessMemory.bytes("Name:\tjava\n", "VmRSS"))
                .withMessageContaining("VmRSS");
    }

    @Test
    void seesTheMemoryOfThisProcess() {
        ProcessMemory before = ProcessMemory.read();
        byte[][] held = new byte[64][];
        for (int i = 0; i < held.length; i++) {
            held[i] = new byte[1 << 20];
            held[i][i] = 1;
        }
        ProcessMemory after = ProcessMemory.read();

        assertThat(before.residentBytes()).isPositive();
        assertThat(after.peakResidentBytes()).isGreaterThanOrEqualTo(after.residentBytes());
        assertThat(after.heapUsedBytes()).isGreaterThan(64L << 20);
        assertThat(held[63][63]).isOne();
    }
}
