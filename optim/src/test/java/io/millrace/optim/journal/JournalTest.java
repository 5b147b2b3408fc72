package io.millrace.optim.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.optim.RandomSeed;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.random.SplitMix64;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTest {
    private static final JournalHeader HEADER =
            new JournalHeader(
                    0xCAFE_0000_0000_0001L,
                    "crc32c:1234",
                    "mezo-sgd",
                    "gaussian",
                    2,
                    4,
                    Rounding.NEAREST,
                    "bfloat16",
                    0.1,
                    Map.of("window", 50L));

    @TempDir Path folder;
    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("journal.jsonl");
    }

    private static StepRecord record(long step, Random random) {
        List<QueryResult> queries = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            queries.add(
                    QueryResult.twoSided(random.nextLong(), any(random), any(random), any(random)));
        }
        return StepRecord.twoSided(
                step, seed(step), any(random), any(random), any(random), queries);
    }

    private static long seed(long step) {
        return SplitMix64.output(HEADER.runSeed(), step);
    }

    private static double any(Random random) {
        double value = Double.longBitsToDouble(random.nextLong());
        return Double.isNaN(value) ? Double.NaN : value; // one NaN, so that equality can be asked
    }

    private List<StepRecord> write(int steps, long testSeed) {
        Random random = RandomSeed.random(testSeed);
        List<StepRecord> records = new ArrayList<>();
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            for (int step = 1; step <= steps; step++) {
                records.add(record(step, random));
                writer.append(records.getLast());
            }
        }
        return records;
    }

    @Test
    void readsBackTheSameBits() {
        long testSeed = RandomSeed.next();
        List<StepRecord> records = write(500, testSeed);
        Journal journal = JournalReader.read(file);
        assertThat(journal.header()).isEqualTo(HEADER);
        assertThat(journal.records()).as("test seed %d", testSeed).isEqualTo(records);
        assertThat(journal.tornBytes()).isZero();
        assertThat(journal.describe()).isEqualTo("500 whole records");
    }

    @Test
    void writesNumbersThatJsonHasNot() {
        List<Double> odd =
                List.of(Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.0);
        StepRecord record =
                StepRecord.twoSided(
                        1,
                        seed(1),
                        Double.MIN_VALUE,
                        odd.get(3),
                        0,
                        List.of(QueryResult.twoSided(0, odd.get(0), odd.get(1), odd.get(2))));
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(record);
        }
        assertThat(JournalReader.read(file).records()).containsExactly(record);
    }

    /** Slopes that are added up and not averaged: a step says so, and no other does. */
    @Test
    void aStepThatSumsSaysSo() throws IOException {
        StepRecord mean =
                StepRecord.twoSided(
                        1, seed(1), 1e-6, 1e-3, 0, List.of(QueryResult.twoSided(7, 2, 1, 500)));
        StepRecord sum =
                new StepRecord(
                        2,
                        seed(2),
                        1e-6,
                        1e-3,
                        0,
                        1.5,
                        List.of(
                                new QueryResult(8, List.of(2.0, 1.0, 1.5, 1.25), 250),
                                new QueryResult(7, List.of(), 500)),
                        new StepRecord.Reading(true, false));
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(mean);
            writer.append(sum);
        }
        assertThat(JournalReader.read(file).records()).containsExactly(mean, sum);
        List<String> lines = Files.readAllLines(file);
        assertThat(lines.get(1)).doesNotContain("sums");
        assertThat(lines.get(2)).contains("\"loss\":1.5,\"sums\":true,\"queries\":[{");
        assertThat(mean.meanSlope()).isEqualTo(500);
        assertThat(sum.meanSlope()).isEqualTo(750);
    }

    @Test
    void linesAreAsTheFormatSays() throws IOException {
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(
                    StepRecord.twoSided(
                            1,
                            seed(1),
                            1e-6,
                            1e-3,
                            0.1,
                            List.of(QueryResult.twoSided(0xAB, 2.5, 2, 250))));
        }
        List<String> lines = Files.readAllLines(file);
        assertThat(lines.get(0))
                .startsWith(
                        "{\"millrace_journal\":4,\"run_seed\":\"0xcafe000000000001\",\"base\":");
        assertThat(lines.get(1))
                .matches(
                        "\\{\"step\":1,\"seed\":\"0x[0-9a-f]{16}\",\"lr\":1.0E-6,\"eps\":0.001,"
                                + "\"weight_decay\":0.1,\"loss\":2.25,\"queries\":\\[\\{"
                                + "\"seed\":\"0x00000000000000ab\",\"losses\":\\[2.5,2.0],"
                                + "\"projected_grad\":250.0}],"
                                + "\"crc32c\":\"0x[0-9a-f]{8}\"}");
    }

    @Test
    void everyTornTailLeavesTheWholeRecordsAndCanBeResumed() throws IOException {
        List<StepRecord> records = write(3, 5);
        byte[] whole = Files.readAllBytes(file);
        int lastLine =
                new String(whole, 0, whole.length - 1, StandardCharsets.UTF_8).lastIndexOf('\n')
                        + 1;
        for (int cut = lastLine + 1; cut < whole.length; cut += 7) {
            Files.write(file, Arrays.copyOf(whole, cut));
            Journal journal = JournalReader.read(file);
            assertThat(journal.records()).isEqualTo(records.subList(0, 2));
            assertThat(journal.describe())
                    .isEqualTo("2 whole records, torn tail of " + (cut - lastLine) + " bytes");
            try (JournalWriter writer = JournalWriter.resume(file, journal)) {
                assertThat(writer.lastStep()).isEqualTo(2);
                writer.append(records.get(2));
            }
            assertThat(Files.readAllBytes(file)).isEqualTo(whole);
        }
    }

    @Test
    void aLastLineWhoseFrontNeverReachedTheDiskIsTorn() throws IOException {
        List<StepRecord> records = write(3, 5);
        byte[] whole = Files.readAllBytes(file);
        int lastLine =
                new String(whole, 0, whole.length - 1, StandardCharsets.UTF_8).lastIndexOf('\n')
                        + 1;
        for (int until = lastLine + 1; until < whole.length; until += 7) {
            byte[] bytes = whole.clone();
            Arrays.fill(bytes, lastLine, until, (byte) 0);
            Files.write(file, bytes);
            Journal journal = JournalReader.read(file);
            assertThat(journal.records()).isEqualTo(records.subList(0, 2));
            assertThat(journal.tornBytes()).isEqualTo(whole.length - lastLine);
            try (JournalWriter writer = JournalWriter.resume(file, journal)) {
                writer.append(records.get(2));
            }
            assertThat(Files.readAllBytes(file)).isEqualTo(whole);
        }
        byte[] followed = whole.clone();
        followed[lastLine - 3] = 0;
        Files.write(file, followed);
        assertThatThrownBy(() -> JournalReader.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 3");
    }

    @Test
    void everyFlippedBitInTheMiddleIsFoundAndNamed() throws IOException {
        write(3, 6);
        byte[] whole = Files.readAllBytes(file);
        Random random = RandomSeed.random(8);
        int lastLine =
                new String(whole, 0, whole.length - 1, StandardCharsets.UTF_8).lastIndexOf('\n')
                        + 1;
        for (int i = 0; i < 300; i++) {
            byte[] bytes = whole.clone();
            int at = random.nextInt(lastLine - 1);
            bytes[at] ^= (byte) (1 << random.nextInt(7));
            Files.write(file, bytes);
            assertThatThrownBy(() -> JournalReader.read(file))
                    .as("byte %d", at)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("journal.jsonl, line ");
        }
    }

    @Test
    void aMissingStepIsNamed() throws IOException {
        write(4, 7);
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        lines.remove(2);
        Files.write(file, lines);
        assertThatThrownBy(() -> JournalReader.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 3: step 3 where 2 is due");
    }

    @Test
    void aLineOfAnotherRunIsNamed() {
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(record(1, new Random(1)));
            QueryResult query = QueryResult.twoSided(1, 2, 2, 0);
            long other = SplitMix64.output(HEADER.runSeed() + 1, 2);
            writer.append(StepRecord.twoSided(2, other, 1e-6, 1e-3, 0, List.of(query, query)));
        }
        assertThatThrownBy(() -> JournalReader.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 3: seed 0x")
                .hasMessageContaining("another run's");
    }

    @Test
    void aSurveyTellsWhatIsWholeBeforeTheDamage() throws IOException {
        List<StepRecord> records = write(5, 10);
        assertThat(JournalReader.survey(file).damage()).isEmpty();
        byte[] bytes = Files.readAllBytes(file);
        List<String> lines = Files.readAllLines(file);
        int third = lines.subList(0, 3).stream().mapToInt(line -> line.length() + 1).sum();
        bytes[third + 20] ^= 1;
        Files.write(file, bytes);
        JournalSurvey survey = JournalReader.survey(file);
        assertThat(survey.journal().records()).isEqualTo(records.subList(0, 2));
        assertThat(survey.journal().wholeBytes()).isEqualTo(third);
        assertThat(survey.damage().orElseThrow()).hasMessageContaining("line 4: ");
        bytes[20] ^= 1;
        Files.write(file, bytes);
        assertThatThrownBy(() -> JournalReader.survey(file)).hasMessageContaining("line 1: ");
    }

    @Test
    void aHeaderHasTheSameIdentityBeforeAndAfterItIsWritten() throws IOException {
        write(1, 11);
        String line = Files.readAllLines(file).getFirst();
        assertThat(JournalReader.read(file).identity())
                .isEqualTo(HEADER.identity())
                .isEqualTo(JournalLine.identity(line));
        Path other = folder.resolve("other.jsonl");
        JournalHeader more =
                new JournalHeader(
                        HEADER.runSeed(),
                        HEADER.base(),
                        HEADER.optimizer(),
                        HEADER.direction(),
                        HEADER.queries(),
                        HEADER.foldEvery(),
                        HEADER.rounding(),
                        HEADER.dtype(),
                        HEADER.weightDecay(),
                        Map.of("window", 51L));
        JournalWriter.create(other, more).close();
        assertThat(JournalReader.read(other).identity())
                .isEqualTo(more.identity())
                .isNotEqualTo(HEADER.identity());
    }

    @Test
    void linesOfAnyLengthUpToTheBoundAreRead() throws IOException {
        List<QueryResult> many = new ArrayList<>();
        for (int i = 0; i < 2500; i++) {
            many.add(QueryResult.twoSided(i, i, i / 3.0, -i));
        }
        StepRecord longRecord = StepRecord.twoSided(2, seed(2), 1e-6, 1e-3, 0, many);
        StepRecord first = record(1, new Random(1));
        StepRecord third = record(3, new Random(3));
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(first);
            writer.append(longRecord);
            writer.append(third);
        }
        assertThat(Files.size(file)).isGreaterThan(3 << 16);
        assertThat(JournalReader.read(file).records()).containsExactly(first, longRecord, third);

        byte[] endless = new byte[JournalLines.LONGEST];
        Arrays.fill(endless, (byte) ' ');
        Files.write(file, endless, StandardOpenOption.APPEND);
        JournalSurvey survey = JournalReader.survey(file);
        assertThat(survey.journal().lastStep()).isEqualTo(3);
        assertThat(survey.damage().orElseThrow())
                .hasMessageContaining("line 5: the line does not end within 16777216 bytes");
    }

    @Test
    void aJournalOfAnEarlierVersionGoesOnInItsOwn() throws IOException {
        Random random = RandomSeed.random(7);
        List<StepRecord> records = new ArrayList<>();
        Map<String, Object> header = new LinkedHashMap<>(HEADER.toFields());
        header.put("millrace_journal", 2);
        StringBuilder text = new StringBuilder(JournalLine.seal(header)).append('\n');
        for (int step = 1; step <= 3; step++) {
            records.add(record(step, random).decayingByFactor(true));
            text.append(JournalLine.seal(JournalLine.toFields(records.getLast(), 2))).append('\n');
        }
        Files.writeString(file, text);

        Journal read = JournalReader.read(file);
        assertThat(read.version()).isEqualTo(2);
        assertThat(read.records()).isEqualTo(records);
        try (JournalWriter writer = JournalWriter.resume(file, read)) {
            records.add(record(4, random).decayingByFactor(true));
            writer.append(records.getLast());
        }
        assertThat(Files.readAllLines(file).getLast())
                .contains("\"loss_plus\":")
                .doesNotContain("\"losses\":");
        assertThat(JournalReader.read(file).records()).isEqualTo(records);
    }

    @Test
    void keepsAsManyLossesAsAnEstimatorAsksFor() {
        QueryResult one = new QueryResult(3, List.of(2.5, Double.NaN, -1.0), 0.5);
        QueryResult none = new QueryResult(4, List.of(), 0);
        StepRecord record = new StepRecord(1, seed(1), 1e-6, 1e-3, 0, 2.125, List.of(one, none));
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(record);
        }
        assertThat(JournalReader.read(file).records()).containsExactly(record);
    }

    @Test
    void aVersionOfTheFutureIsNamed() throws IOException {
        String line = "{\"millrace_journal\":5}";
        Files.writeString(file, JournalLine.seal(Map.of("millrace_journal", 5)) + "\n" + line);
        assertThatThrownBy(() -> JournalReader.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 1: journal version 5 where this build reads 1 to 4");
    }

    @Test
    void aStepIsDurableOnlyWhenForced() {
        try (JournalWriter writer = JournalWriter.create(file, HEADER)) {
            writer.append(record(1, new Random(1)));
            assertThat(writer.lastStep()).isEqualTo(1);
            assertThat(writer.durableStep()).isZero();
            writer.force();
            assertThat(writer.durableStep()).isEqualTo(1);
            assertThatThrownBy(() -> writer.append(record(3, new Random(1))))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void neverOverwritesAJournal() {
        write(1, 9);
        assertThatThrownBy(() -> JournalWriter.create(file, HEADER))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--resume");
        assertThat(JournalReader.read(file).records()).hasSize(1);
    }

    @Test
    void aMissingOrEmptyFileIsNamed() throws IOException {
        assertThatThrownBy(() -> JournalReader.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("no such file");
        Files.write(file, new byte[0], StandardOpenOption.CREATE);
        assertThatThrownBy(() -> JournalReader.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("no whole header");
    }

    @Test
    void appendsAfterCloseAreRefused() {
        JournalWriter writer = JournalWriter.create(file, HEADER);
        writer.close();
        writer.close();
        assertThatThrownBy(() -> writer.append(record(1, new Random(1))))
                .isInstanceOf(UncheckedIOException.class);
    }
}
