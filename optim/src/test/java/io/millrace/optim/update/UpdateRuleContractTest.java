package io.millrace.optim.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.SplitMix64;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every update rule that has a name. */
@ExtendWith(SeedExtension.class)
final class UpdateRuleContractTest {
    private static final int STEPS = 40;

    @TempDir Path folder;

    static Collection<Kind<UpdateRule>> kinds() {
        return Optimizers.KINDS.all();
    }

    private static UpdateRule make(Kind<UpdateRule> kind) {
        return kind.make(Settings.NONE.complete(kind.options()), 42);
    }

    private static List<StepRecord> records(Random random) {
        int queries = 1 + random.nextInt(3);
        List<StepRecord> records = new ArrayList<>();
        for (long step = 1; step <= STEPS; step++) {
            long seed = SplitMix64.output(42, step);
            List<QueryResult> results = new ArrayList<>();
            for (int query = 1; query <= queries; query++) {
                double plus = 2 + random.nextGaussian();
                double minus = 2 + random.nextGaussian();
                long along = queries == 1 ? seed : SplitMix64.output(seed, query);
                results.add(
                        new QueryResult(
                                along,
                                List.of(plus, minus, (plus + minus) / 2 - 0.1),
                                (plus - minus) / 2e-3));
            }
            records.add(StepRecord.twoSided(step, seed, 1e-3 / step, 1e-3, 0.1, results));
        }
        return records;
    }

    private static JournalHeader header(Kind<UpdateRule> kind, List<StepRecord> records) {
        int queries = records.getFirst().queries().size();
        return new JournalHeader(
                42,
                "crc32c:1234",
                kind.name(),
                "gaussian",
                queries,
                1,
                Rounding.NEAREST,
                "float32",
                0.1,
                Map.of());
    }

    private static List<Update> feed(UpdateRule rule, List<StepRecord> records) {
        return new ArrayList<>(records.stream().map(rule::next).toList());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void isKnownByItsNameAndSaysWhatItsUpdatesCarry(Kind<UpdateRule> kind, @Seed long seed) {
        UpdateRule rule = make(kind);
        assertThat(rule.name()).isEqualTo(kind.name());
        for (StepRecord record : records(new Random(seed))) {
            Update update = rule.next(record);
            assertThat(update.step()).isEqualTo(record.step());
            assertThat(update.seed()).isEqualTo(record.seed());
            assertThat(update.momentum().isPresent()).isEqualTo(rule.hasMomentum());
            assertThat(update.program().isPresent()).isEqualTo(rule.isElementwise());
            assertThat(update.terms())
                    .extracting(Update.Term::seed)
                    .isSubsetOf(record.queries().stream().map(QueryResult::seed).toList());
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void theSameRecordsRebuildTheState(Kind<UpdateRule> kind, @Seed long seed) {
        Random random = new Random(seed);
        List<StepRecord> records = records(random);
        List<Update> run = feed(make(kind), records);
        for (int round = 0; round < 5; round++) {
            int stop = random.nextInt(STEPS + 1);
            UpdateRule resumed = make(kind);
            List<Update> updates = feed(resumed, records.subList(0, stop));
            updates.addAll(feed(resumed, records.subList(stop, STEPS)));
            assertThat(updates).as("seed %d, stopped after %d", seed, stop).isEqualTo(run);
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void rulesShareNothing(Kind<UpdateRule> kind, @Seed long seed) {
        List<StepRecord> records = records(new Random(seed));
        List<StepRecord> others = records(new Random(seed + 1));
        List<Update> alone = feed(make(kind), records);
        UpdateRule rule = make(kind);
        UpdateRule beside = make(kind);
        List<Update> updates = new ArrayList<>();
        for (int i = 0; i < STEPS; i++) {
            updates.add(rule.next(records.get(i)));
            beside.next(others.get(i));
        }
        assertThat(updates).as("seed %d", seed).isEqualTo(alone);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aReplayOfTheJournalMakesTheUpdatesOfTheRun(Kind<UpdateRule> kind, @Seed long seed) {
        List<StepRecord> records = records(new Random(seed));
        Path file = folder.resolve("journal.jsonl");
        try (JournalWriter journal = JournalWriter.create(file, header(kind, records))) {
            records.forEach(journal::append);
        }
        List<StepRecord> read = JournalReader.read(file).records();
        assertThat(feed(make(kind), read)).as("seed %d", seed).isEqualTo(feed(make(kind), records));
    }
}
