package io.millrace.executor.search;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import io.millrace.optim.random.SplitMix64;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * The scores of a search so far, for going on after a stop: a journal whose steps are passes, with
 * the objective at θ as their loss and the directions of the pass, which move nothing, as queries.
 */
final class ScoreFile implements AutoCloseable {
    private static final String NAME = "scores.jsonl";

    private final JournalWriter writer;
    private final long runSeed;
    private final List<DirectionScore> scores = new ArrayList<>();
    private double base = Double.NaN;
    private long passes;

    private ScoreFile(JournalWriter writer, long runSeed) {
        this.writer = writer;
        this.runSeed = runSeed;
    }

    /**
     * Begins one in a folder that is made where it is missing, or goes on with what is there.
     *
     * @throws BadInputException where a search is to go on and the folder has none, or another
     */
    static ScoreFile open(SearchConfig config, JournalHeader header) {
        Path file = config.out().resolve(NAME);
        if (!config.resume()) {
            DurableFiles.system().createFolders(config.out());
            return new ScoreFile(JournalWriter.create(file, header), header.runSeed());
        }
        if (!Files.isRegularFile(file)) {
            throw new BadInputException(
                    "--resume",
                    config.out() + " has no " + NAME,
                    "leave --resume out to start a search");
        }
        Journal read = JournalReader.read(file);
        requireSame(file, read.header(), header);
        ScoreFile goesOn = new ScoreFile(JournalWriter.resume(file, read), header.runSeed());
        read.records().forEach(goesOn::take);
        return goesOn;
    }

    private static void requireSame(Path file, JournalHeader then, JournalHeader now) {
        now.fields()
                .fields()
                .forEach((name, value) -> {
                    Object was = then.fields().fields().get(name);
                    if (!Objects.equals(was, value)) {
                        throw new BadInputException(
                                file.toString(),
                                "field '" + name + "' is " + was + ", and this search has " + value,
                                "give what the search began with, or another --out");
                    }
                });
    }

    private void take(StepRecord pass) {
        passes = pass.step();
        base = pass.loss();
        for (QueryResult query : pass.queries()) {
            scores.add(
                    new DirectionScore(scores.size() + 1, query.seed(), query.losses().getFirst()));
        }
    }

    /** Keeps what a pass found: it is on the disk when this returns. */
    void add(double atTheta, List<QueryResult> directions) {
        StepRecord pass =
                new StepRecord(
                        passes + 1,
                        SplitMix64.output(runSeed, passes + 1),
                        0,
                        0,
                        0,
                        atTheta,
                        directions);
        writer.append(pass);
        writer.force();
        take(pass);
    }

    /** The objective at θ; NaN before the first pass. */
    double base() {
        return base;
    }

    /** In order of direction. */
    List<DirectionScore> scores() {
        return Collections.unmodifiableList(scores);
    }

    @Override
    public void close() {
        writer.close();
    }
}
