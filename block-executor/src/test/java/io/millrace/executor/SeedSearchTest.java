package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.search.DirectionScore;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SearchResult;
import io.millrace.executor.search.SeedSearch;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.objective.Objectives;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A search keeps the directions that are best, and its journal makes its model again. */
class SeedSearchTest {
    private static final double EPS = 0.02;

    @TempDir Path temp;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        data = Reviews.labelled(temp, 7);
    }

    private SearchConfig config(
            String out, String objective, SearchConfig.Choice choice, MemoryConfig memory) {
        return new SearchConfig(
                Reviews.MODEL,
                temp.resolve(out),
                new SearchConfig.Data(data, Optional.empty(), Reviews.TASK, 4),
                choice,
                TuneConfig.builder(Reviews.MODEL, data, temp.resolve(out))
                        .method(Objectives.KINDS.naming(), objective)
                        .dtype(DType.F32)
                        .seed(5)
                        .eps(EPS)
                        .lr(EPS)
                        .steps(1)
                        .arithmetic(),
                memory,
                false);
    }

    private static SearchConfig resumed(SearchConfig config) {
        return new SearchConfig(
                config.model(),
                config.out(),
                config.data(),
                config.choice(),
                config.arithmetic(),
                config.memory(),
                true);
    }

    private SearchResult search(SearchConfig config) {
        return SeedSearch.run(config, RunListener.SILENT, line -> {});
    }

    private double loss(Path model) {
        return Evaluation.run(
                        new EvalConfig(
                                model, data, Metric.LOSS, Reviews.TASK, 7, MemoryConfig.DEFAULT))
                .loss();
    }

    /** The best alone is saved where it was scored, which an evaluation of it finds again. */
    @Test
    void theBestAloneIsWhereItWasScored() {
        SearchConfig config =
                config("one", "loss", new SearchConfig.Choice(5, 1, 3), MemoryConfig.DEFAULT);
        SearchResult result = search(config);
        assertThat(result.scores())
                .extracting(DirectionScore::direction)
                .containsExactlyInAnyOrder(1, 2, 3, 4, 5);
        assertThat(result.scores())
                .isSortedAccordingTo((a, b) -> Double.compare(a.value(), b.value()));
        assertThat(loss(Reviews.MODEL)).isCloseTo(result.base(), within(1e-6));
        assertThat(loss(config.out()))
                .isCloseTo(result.scores().getFirst().value(), within(1e-6))
                .isLessThan(result.base());
    }

    @Test
    void theMeanOfTheBestIsOneStepOfAJournal() throws IOException {
        SearchConfig.Choice choice = new SearchConfig.Choice(6, 3, 4);
        SearchConfig config = config("mean", "loss", choice, MemoryConfig.DEFAULT);
        SearchResult result = search(config);
        Path journal = config.out().resolve("journal.jsonl");
        assertThat(JournalReader.read(journal).header().extra())
                .containsEntry("estimator", "search");
        StepRecord step = JournalReader.read(journal).records().getFirst();
        assertThat(step.queries())
                .containsExactlyElementsOf(
                        result.scores().stream()
                                .limit(3)
                                .map(one ->
                                        new QueryResult(
                                                one.seed(),
                                                List.of(one.value(), result.base()),
                                                -1))
                                .toList());
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(Reviews.MODEL, journal, rebuilt);
        byte[] expected = Files.readAllBytes(config.out().resolve("model.safetensors"));
        assertThat(Files.readAllBytes(rebuilt.resolve("model.safetensors"))).isEqualTo(expected);

        long least =
                Runs.smallestThatWorks(budget ->
                        search(
                                config(
                                        "small" + budget,
                                        "loss",
                                        choice,
                                        Runs.host(DeviceName.CPU, budget))));
        assertThat(Files.readAllBytes(temp.resolve("small" + least).resolve("model.safetensors")))
                .isEqualTo(expected);
        SearchConfig apart =
                config(
                        "apart",
                        "loss",
                        new SearchConfig.Choice(6, 3, 1),
                        Runs.memory(DeviceName.EMULATED, OptionalLong.empty()));
        assertThat(search(apart).scores()).isEqualTo(result.scores());
        assertThat(Files.readAllBytes(apart.out().resolve("model.safetensors")))
                .isEqualTo(expected);
    }

    @Test
    void accuracyOfAllExamplesIsAShareOfThem() {
        SearchResult result =
                search(
                        config(
                                "share",
                                "accuracy",
                                new SearchConfig.Choice(2, 2, 2),
                                MemoryConfig.DEFAULT));
        assertThat(result.scores())
                .allSatisfy(one ->
                        assertThat(one.value() * 7)
                                .isCloseTo(Math.rint(one.value() * 7), within(1e-12)));
    }

    @Test
    void aSearchThatWasStoppedGoesOnToTheSameBytes() throws IOException {
        SearchConfig.Choice choice = new SearchConfig.Choice(4, 2, 1);
        SearchConfig whole = config("whole", "loss", choice, MemoryConfig.DEFAULT);
        SearchResult expected = search(whole);
        SearchConfig stopped = config("stopped", "loss", choice, MemoryConfig.DEFAULT);
        // Each direction takes two passes: it stops in the middle of the second.
        AtomicInteger passes = new AtomicInteger();
        RunListener third =
                new RunListener() {
                    @Override
                    public boolean stopRequested() {
                        return passes.incrementAndGet() > 3;
                    }
                };
        assertThat(SeedSearch.run(stopped, third, line -> {}).scores()).hasSize(1);
        assertThat(stopped.out().resolve("model.safetensors")).doesNotExist();
        assertThatThrownBy(() ->
                        search(
                                resumed(
                                        config(
                                                "stopped",
                                                "loss",
                                                new SearchConfig.Choice(5, 2, 1),
                                                MemoryConfig.DEFAULT))))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'queries' is 4, and this search has 5");
        assertThat(search(resumed(stopped))).isEqualTo(expected);
        assertThat(Runs.result(stopped.out()).keySet()).contains("scores.jsonl");
        for (String name : List.of("model.safetensors", "journal.jsonl", "scores.jsonl")) {
            assertThat(Files.readAllBytes(stopped.out().resolve(name)))
                    .as(name)
                    .isEqualTo(Files.readAllBytes(whole.out().resolve(name)));
        }
        assertThatThrownBy(() -> search(resumed(stopped)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("holds the model already");
    }

    @Test
    void aSearchThatIsRefusedLeavesNothing() throws IOException {
        SearchConfig config =
                config("none", "loss", new SearchConfig.Choice(3, 2, 1), MemoryConfig.DEFAULT);
        assertThatThrownBy(() -> search(resumed(config)))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--resume: ");
        data = Reviews.prompts(temp, 2);
        assertThatThrownBy(() ->
                        search(
                                config(
                                        "none",
                                        "accuracy",
                                        new SearchConfig.Choice(3, 2, 1),
                                        MemoryConfig.DEFAULT)))
                .isInstanceOf(BadInputException.class);
        assertThatThrownBy(() -> new SearchConfig.Choice(3, 4, 1))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--keep: 4 exceeds");
        assertThat(temp.resolve("none")).doesNotExist();
    }
}
