package io.millrace.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ExamplesFingerprintTest {
    private static Example example(int... ids) {
        return Example.scoringAll(ids);
    }

    private static String digest(Example... examples) {
        return ExamplesFingerprint.of(List.of(examples)).digest();
    }

    @Test
    void everythingThatTrainingSeesCounts() {
        String digest = digest(example(1, 2, 3), example(4, 5));
        assertThat(digest).hasSize(32);
        assertThat(digest(example(1, 2, 3), example(4, 5))).isEqualTo(digest);
        assertThat(digest(example(4, 5), example(1, 2, 3))).isNotEqualTo(digest);
        assertThat(digest(example(1, 2, 3), example(4, 6))).isNotEqualTo(digest);
        assertThat(digest(example(1, 2), example(3, 4, 5))).isNotEqualTo(digest);
        assertThat(digest(example(1, 2, 3))).isNotEqualTo(digest);
        Example half = Example.scoringContinuation(new int[] {1, 2}, new int[] {3});
        assertThat(digest(half, example(4, 5))).isNotEqualTo(digest);
    }

    @Test
    void aFirstLabelThatNothingPredictsDoesNotCount() {
        int[] ids = {7, 8, 9};
        Example unscored = new Example(ids, new int[] {Example.NOT_SCORED, 8, 9});
        assertThat(digest(unscored)).isEqualTo(digest(Example.scoringAll(ids)));
    }

    @Test
    void itIsTheSha256OfTheNumbers() throws Exception {
        Random random = new Random(3);
        List<Example> examples = new ArrayList<>();
        ByteBuffer all = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 100; i++) {
            int[] ids = random.ints(1 + random.nextInt(60), 0, 50_000).toArray();
            examples.add(example(ids));
            all.putInt(ids.length);
            for (int id : ids) {
                all.putInt(id);
            }
            for (int at = 1; at < ids.length; at++) {
                all.putInt(ids[at]);
            }
        }
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(all.flip());
        ExamplesFingerprint fingerprint = ExamplesFingerprint.of(examples);
        assertThat(fingerprint.digest())
                .isEqualTo(HexFormat.of().formatHex(digest.digest()).substring(0, 32));
        assertThat(fingerprint.examples()).isEqualTo(100);
        assertThat(fingerprint.tokens())
                .isEqualTo(examples.stream().mapToLong(Example::length).sum());
        Collections.reverse(examples);
        assertThat(ExamplesFingerprint.of(examples)).isNotEqualTo(fingerprint);
    }
}
