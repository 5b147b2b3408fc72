package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.executor.search.SensitiveConfig.By;
import io.millrace.executor.search.SensitiveResult;
import io.millrace.executor.search.SensitiveSearch;
import io.millrace.executor.step.DivergedException;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which elements are chosen, against a program of its own and wherever blocks lie. */
class SensitiveSearchTest {
    private static final Path MODEL = Golden.path("stories260k");

    /** Elements whose scores lie within rounding of the least that is chosen. */
    private static final int AT_THE_EDGE = 4;

    @TempDir Path temp;
    private JsonObject golden;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        golden = Golden.json("method-trace/sensitive.json");
        data = TraceCheck.batches(temp.resolve("train.jsonl"));
    }

    private SensitiveConfig.Choice choice(By by, int together) {
        return new SensitiveConfig.Choice(
                golden.number("share"), by, (int) golden.integer("directions"), together);
    }

    private SensitiveConfig config(
            String out,
            SensitiveConfig.Choice choice,
            MemoryConfig memory,
            UnaryOperator<TuneConfigBuilder> change) {
        TuneConfigBuilder run =
                TuneConfig.builder(MODEL, data, temp.resolve("unused"))
                        .seed(Seeds.parse(golden.string("seed")))
                        .eps(golden.number("eps"));
        return new SensitiveConfig(
                MODEL,
                temp.resolve(out),
                Optional.of(
                        new SearchConfig.Data(
                                data,
                                Optional.empty(),
                                new TaskConfig(Settings.NONE),
                                (int) golden.integer("batch"))),
                choice,
                change.apply(run).arithmetic(),
                memory);
    }

    private SensitiveConfig config(String out, SensitiveConfig.Choice choice, MemoryConfig memory) {
        return config(out, choice, memory, run -> run);
    }

    private static SensitiveResult choose(SensitiveConfig config) {
        return SensitiveSearch.run(config, RunListener.SILENT, line -> {});
    }

    private static Map<String, Set<Long>> lists(Path file) {
        Map<String, Set<Long>> lists = new TreeMap<>();
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            for (String name : open.tensors().keySet()) {
                Set<Long> list = new TreeSet<>();
                for (long index : open.readLongs(name)) {
                    list.add(index);
                }
                lists.put(name.replace(".indices", ""), list);
            }
        }
        return lists;
    }

    @ParameterizedTest
    @EnumSource
    void choosesWhatTheOtherProgramDoes(By by) {
        SensitiveConfig config = config("lists", choice(by, 5), MemoryConfig.DEFAULT);
        SensitiveResult result = choose(config);
        JsonObject expected = golden.object("chosen").object(OptionTypes.spelling(by));
        double least = expected.number("least");
        assertThat((double) result.score()).isEqualTo(least, within(1e-3 * least));
        assertThat(result.elements()).isEqualTo(golden.integer("elements"));
        Map<String, Set<Long>> chosen = lists(config.out());
        long all = chosen.values().stream().mapToLong(Set::size).sum();
        assertThat(all).isEqualTo(261).isEqualTo(result.chosen());
        int missing = 0;
        JsonObject lists = expected.object("lists");
        for (String tensor : lists.fields().keySet()) {
            for (Object index : lists.array(tensor)) {
                Set<Long> of = chosen.getOrDefault(tensor, Set.of());
                missing += of.contains(((Number) index).longValue()) ? 0 : 1;
            }
        }
        assertThat(missing).isLessThanOrEqualTo(by == By.MAGNITUDE ? 0 : AT_THE_EDGE);
    }

    @Test
    void theFileIsTheSameWhereverBlocksLie() throws IOException {
        SensitiveConfig config = config("memory", choice(By.GRADIENT, 5), MemoryConfig.DEFAULT);
        choose(config);
        byte[] expected = Files.readAllBytes(config.out());
        long least =
                Runs.smallestThatWorks(budget ->
                        choose(
                                config(
                                        "small" + budget,
                                        choice(By.GRADIENT, 5),
                                        Runs.host(DeviceName.CPU, budget))));
        assertThat(temp.resolve("small" + least)).hasBinaryContent(expected);
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        SensitiveConfig apart = config("apart", choice(By.GRADIENT, 1), emulated);
        choose(apart);
        assertThat(apart.out()).hasBinaryContent(expected);
    }

    /** What is frozen is not chosen, and a run takes the file as it is. */
    @Test
    void aRunTunesWhatWasChosen() throws IOException {
        SensitiveConfig config =
                config(
                        "lists",
                        choice(By.GRADIENT, 12),
                        MemoryConfig.DEFAULT,
                        run -> run.tune("!*embed*").perturbation("rademacher"));
        SensitiveResult result = choose(config);
        assertThat(result.tensors())
                .extracting(SensitiveResult.Chosen::name)
                .isNotEmpty()
                .noneMatch(name -> name.contains("embed"));
        Path out = temp.resolve("out");
        TuneConfig run =
                TuneConfig.builder(MODEL, data, out)
                        .steps(2)
                        .batchSize(4)
                        .lr(1e-2)
                        .mask("indices")
                        .method(Masks.FILE, config.out())
                        .build();
        TuningRun.run(run, RunListener.SILENT);
        assertThat(out.resolve("mask/indices.safetensors")).hasSameBinaryContentAs(config.out());
    }

    @Test
    void aStopLeavesNoFile() {
        RunListener stop =
                new RunListener() {
                    private int asked;

                    @Override
                    public boolean stopRequested() {
                        return ++asked > 2;
                    }
                };
        SensitiveConfig config = config("lists", choice(By.SQUARES, 4), MemoryConfig.DEFAULT);
        SensitiveResult result = SensitiveSearch.run(config, stop, line -> {});
        assertThat(result.interrupted()).isTrue();
        assertThat(result.tensors()).isEmpty();
        assertThat(temp.resolve("lists")).doesNotExist();
    }

    @Test
    void whatHasNoMeaningIsRefused() {
        SensitiveConfig.Choice squares = choice(By.SQUARES, 4);
        assertThatThrownBy(() ->
                        config(
                                "no",
                                squares,
                                MemoryConfig.DEFAULT,
                                run -> run.perturbation("rademacher")))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--by: ");
        assertThatThrownBy(() ->
                        config(
                                "no",
                                squares,
                                MemoryConfig.DEFAULT,
                                run -> run.perturbation("low-rank")))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--perturbation: ");
        SensitiveConfig some = config("no", squares, MemoryConfig.DEFAULT);
        assertThatThrownBy(() ->
                        new SensitiveConfig(
                                MODEL,
                                some.out(),
                                Optional.empty(),
                                squares,
                                some.arithmetic(),
                                some.memory()))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--train: ");
        assertThatThrownBy(() -> new SensitiveConfig.Choice(0, By.GRADIENT, 4, 4))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--share: ");
        assertThatThrownBy(() ->
                        choose(config("no", squares, MemoryConfig.DEFAULT, run -> run.eps(3e38))))
                .isInstanceOf(DivergedException.class);
        assertThat(temp.resolve("no")).doesNotExist();
    }
}
