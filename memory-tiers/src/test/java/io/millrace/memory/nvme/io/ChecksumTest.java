package io.millrace.memory.nvme.io;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SeedExtension.class)
final class ChecksumTest {
    @Test
    void isTheChecksumThatTheStandardNames() {
        byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
        assertThat(Checksum.of(MemorySegment.ofArray(digits))).isEqualTo(0xE3069283);
    }

    @Test
    void isTheSameHoweverTheBytesCome(@Seed long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[1 + random.nextInt(5000)];
            random.nextBytes(bytes);
            MemorySegment segment = MemorySegment.ofArray(bytes);
            Checksum checksum = new Checksum(1 + random.nextInt(700)); // many windows
            checksum.start(segment);
            for (int done = 0; done < bytes.length; ) {
                done = Math.min(bytes.length, done + 1 + random.nextInt(1000));
                checksum.advanceTo(done);
            }
            assertThat(checksum.value()).isEqualTo(Checksum.of(segment));
        }
    }
}
