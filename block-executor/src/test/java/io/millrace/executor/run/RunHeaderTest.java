package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunOptions;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.objective.Scoring;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.TextStream;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.objective.MeanLoss;
import io.millrace.optim.option.Option;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run goes on with its own journal only: with the same inputs, or not at all. */
class RunHeaderTest {
    private static final Scoring ONE_WINDOW =
            Scoring.of(
                    new MeanLoss(),
                    new TextStream(DataKind.PLAIN_TEXT, new int[] {1, 2, 3}, 3),
                    1,
                    new Scoring.Place(Path.of("data"), Path.of("model"), 3));

    @TempDir Path temp;
    private Path data;
    private Path out;

    @BeforeEach
    void writeData() throws IOException {
        data = Runs.data(temp, 51, 10);
        out = temp.resolve("out");
    }

    private TuneConfigBuilder config() {
        return Runs.config("llama", data, out);
    }

    private void begin() {
        assertThat(TuningRun.run(config().build(), Runs.stopAfter(2)).interrupted()).isTrue();
    }

    private void refused(String what, UnaryOperator<TuneConfigBuilder> change) throws IOException {
        Map<String, byte[]> before = Runs.result(out);
        assertThatThrownBy(() ->
                        TuningRun.run(
                                change.apply(config()).resume(true).build(), RunListener.SILENT))
                .as(what)
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(journal() + ": field '")
                .hasMessageContaining(what)
                .hasMessageNotContaining("\n");
        assertThat(Runs.result(out)).containsExactlyInAnyOrderEntriesOf(before);
    }

    private Path journal() {
        return out.resolve("journal.jsonl");
    }

    @Test
    void everyOptionThatDecidesBytesIsCompared() throws IOException {
        begin();
        Map<String, UnaryOperator<TuneConfigBuilder>> changes = new LinkedHashMap<>();
        changes.put("'run_seed' is 0x123456789abcdef0, and", run -> run.seed(1));
        changes.put(
                "'lr' is 1.0E-4, and this run has 0.001; give --lr 1.0E-4", run -> run.lr(1e-3));
        changes.put("'lr_schedule' is constant, and", run -> run.schedule("cosine"));
        changes.put("'warmup' is 0, and this run has 3; give --warmup 0", run -> run.warmup(3));
        changes.put("'eps' is 0.001, and", run -> run.eps(1e-2));
        changes.put("'weight_decay' is 0.1, and", run -> run.weightDecay(0));
        changes.put("'batch_size' is 4, and this run has 2", run -> run.batchSize(2));
        changes.put("'micro_batch' is 4, and this run has 1", run -> run.microBatch(1));
        changes.put(
                "'shuffle' is true, and this run has false; leave --no-",
                run -> run.shuffle(false));
        changes.put("'queries' is 2, and this run has 1", run -> run.queries(1));
        changes.put("'fold_every' is 1, and this run has 2", run -> run.foldEvery(2));
        changes.put("leave --dtype out, or another --out", run -> run.dtype(DType.BF16));
        changes.put("'direction' is gaussian, and", run -> run.perturbation("rademacher"));
        changes.put("'optimizer' is mezo-sgd, and", run -> run.optimizer("mezo-adam"));
        for (Map.Entry<String, UnaryOperator<TuneConfigBuilder>> change : changes.entrySet()) {
            refused(change.getKey(), change.getValue());
        }
    }

    @Test
    void otherDataIsRefusedWithItsFile() throws IOException {
        begin();
        List<String> lines = Files.readAllLines(data);
        Files.write(data, lines.subList(0, 9));
        String what = data + " makes ";
        refused(what, run -> run);
        Files.write(data, lines.reversed());
        refused("(10 examples, ", run -> run);
        Files.write(data, lines);
        Path copy = Files.copy(data, temp.resolve("copy.jsonl"));
        TuneConfigBuilder same = Runs.config("llama", copy, out).resume(true);
        assertThat(TuningRun.run(same.build(), RunListener.SILENT).stepsDone()).isEqualTo(7);
    }

    @Test
    void whereBytesLieAndWhatIsEvaluatedMayChange() throws IOException {
        begin();
        Path eval = Runs.data(temp, 52, 3);
        MemoryConfig emulated =
                new MemoryConfig(
                        "emulated",
                        OptionalLong.empty(),
                        OptionalLong.empty(),
                        Optional.empty(),
                        OptionalLong.empty(),
                        1,
                        false);
        TuneConfigBuilder more =
                config().memory(emulated).eval(eval).evalEvery(2).checkpointEvery(2).steps(9);
        TuningRun.run(more.resume(true).build(), RunListener.SILENT);
        Path whole = temp.resolve("whole");
        TuningRun.run(Runs.config("llama", data, whole).steps(9).build(), RunListener.SILENT);
        assertThat(Runs.result(out)).containsExactlyEntriesOf(Runs.result(whole));
    }

    @Test
    void aScheduleThatDependsOnTheStepsHoldsThemFast() throws IOException {
        TuningRun.run(config().schedule("linear").build(), Runs.stopAfter(2));
        refused(
                "'steps' is 7, and this run has 9; give --steps 7",
                run -> run.schedule("linear").steps(9));
        TuningRun.run(config().schedule("linear").resume(true).build(), RunListener.SILENT);
    }

    @Test
    void theRunIsNamedByItsHeaderLineAlsoWhenItGoesOn() {
        begin();
        Journal journal = JournalReader.read(journal());
        assertThat(journal.version()).isEqualTo(JournalHeader.VERSION);
        assertThat(journal.header().extra())
                .containsKeys("data", "examples", "tokens", "program", "machine")
                .containsEntry("device", "cpu");
        TuningRun.run(config().resume(true).build(), RunListener.SILENT);
        assertThat(JournalReader.read(journal()).identity()).isEqualTo(journal.identity());
    }

    /** Runs are known by the bytes of this line. */
    @Test
    void theFieldsStandInTheOrderThatJournalsHaveThemIn() {
        TuneConfig config =
                config().perturbation("low-rank")
                        .optimizer("lozo-m")
                        .schedule("cosine")
                        .matmul(Matmul.BF16)
                        .build();
        assertThat(RunHeader.of(config, "base", ONE_WINDOW).header().fields().fields().keySet())
                .containsExactly(
                        "millrace_journal",
                        "run_seed",
                        "base",
                        "optimizer",
                        "direction",
                        "queries",
                        "fold_every",
                        "rounding",
                        "dtype",
                        "weight_decay",
                        "data",
                        "examples",
                        "tokens",
                        "batch_size",
                        "micro_batch",
                        "shuffle",
                        "lr",
                        "lr_schedule",
                        "warmup",
                        "steps",
                        "eps",
                        "rank",
                        "window",
                        "beta",
                        "matmul",
                        "device",
                        "program",
                        "machine");
        assertThat(RunHeader.of(config().build(), "base", ONE_WINDOW).header().extra())
                .doesNotContainKeys("steps", "rank", "window", "beta", "matmul");
    }

    /** What is added to the header has to be said by an option that journals before it lack. */
    @Test
    void everyFieldOfAnOptionThatDecidesBytesIsItsOwn() {
        List<String> fields =
                RunOptions.byName().values().stream()
                        .filter(Option::decidesBytes)
                        .<String>map(Option::field)
                        .toList();
        assertThat(fields).doesNotHaveDuplicates().contains("run_seed", "direction", "device");
    }

    @Test
    void anotherMachineIsSaidInOneLine() {
        begin();
        RunHeader header =
                RunHeader.of(
                        config().build(),
                        JournalReader.read(journal()).header().base(),
                        ONE_WINDOW);
        Map<String, Object> extra = new LinkedHashMap<>(header.header().extra());
        assertThat(warnings(() -> header.requireSame(journal(), of(header, extra)))).isEmpty();
        extra.put("machine", "abacus");
        assertThat(warnings(() -> header.requireSame(journal(), of(header, extra))))
                .singleElement()
                .asString()
                .contains(
                        journal() + " began with millrace ",
                        " on abacus and goes on with millrace ");
    }

    private static Journal of(RunHeader header, Map<String, Object> extra) {
        JournalHeader now = header.header();
        JournalHeader then =
                new JournalHeader(
                        now.runSeed(),
                        now.base(),
                        now.optimizer(),
                        now.direction(),
                        now.queries(),
                        now.foldEvery(),
                        now.rounding(),
                        now.dtype(),
                        now.weightDecay(),
                        extra);
        return new Journal(then, 2, then.identity(), List.of(), 0, 0);
    }

    private static List<String> warnings(Runnable work) {
        List<String> lines = new ArrayList<>();
        Logger logger = Logger.getLogger(RunHeader.class.getName());
        Handler handler =
                new Handler() {
                    @Override
                    public void publish(LogRecord record) {
                        lines.add(new SimpleFormatter().formatMessage(record));
                    }

                    @Override
                    public void flush() {
                        // Nothing is held back.
                    }

                    @Override
                    public void close() {
                        // Nothing is open.
                    }
                };
        logger.addHandler(handler);
        try {
            work.run();
        } finally {
            logger.removeHandler(handler);
        }
        return lines;
    }

    @Test
    void aJournalOfVersion1IsReplayedAndGoesOn() throws IOException {
        List<String> began = take("/journal/version-1.jsonl");
        refused("'run_seed'", run -> run.seed(1));
        refused("'lr' is 1.0E-4, and this run has 0.001", run -> run.lr(1e-3));
        refused("'eps' is 0.001, and this run has 0.01", run -> run.eps(1e-2));
        refused("'batch_size' is 4, and this run has 2", run -> run.batchSize(2));
        TuningRun.run(config().resume(true).build(), RunListener.SILENT);
        goesOnFrom(began, "llama");
    }

    @Test
    void aLowRankJournalOfVersion1IsReplayedAndGoesOn() throws IOException {
        List<String> began = take("/journal/version-1-low-rank.jsonl");
        TuneConfigBuilder run =
                Runs.config("opt", data, out)
                        .dtype(DType.BF16)
                        .perturbation("low-rank")
                        .window(3)
                        .optimizer("lozo-m");
        TuningRun.run(run.resume(true).build(), RunListener.SILENT);
        goesOnFrom(began, "opt");
    }

    /** Losses of another machine stay as they were; what they make is the same on any. */
    private void goesOnFrom(List<String> began, String model) throws IOException {
        List<String> lines = Files.readAllLines(journal());
        assertThat(lines).hasSize(8);
        assertThat(lines.subList(0, 5)).isEqualTo(began);
        assertThat(JournalReader.read(journal()).version()).isEqualTo(1);
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path(model), journal(), replayed);
        assertThat(replayed.resolve("model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("model.safetensors"));
    }

    private List<String> take(String resource) throws IOException {
        Files.createDirectories(out);
        try (var in = RunHeaderTest.class.getResourceAsStream(resource)) {
            Files.copy(in, journal(), StandardCopyOption.REPLACE_EXISTING);
        }
        return Files.readAllLines(journal());
    }
}
