package io.millrace.executor.run;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.RunOptions;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.cpu.op.CpuVectors;
import io.millrace.executor.objective.Scoring;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceKind;
import io.millrace.model.text.ExamplesFingerprint;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.optim.schedule.LrSchedule;
import io.millrace.optim.schedule.Schedules;
import io.millrace.telemetry.json.JsonObject;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a run writes at the head of its journal: everything that decides its bytes. A run that goes
 * on with a journal has to have the same. Budgets, placement, prefetching, overlap, evaluations and
 * checkpoints decide nothing and are not in it.
 */
final class RunHeader {
    private static final System.Logger LOG = System.getLogger(RunHeader.class.getName());

    private static final String BASE = "base";
    private static final String DEVICE = "device";
    private static final String DATA = "data";
    private static final String EXAMPLES = "examples";
    private static final String TOKENS = "tokens";
    private static final String WIRE = "wire_weights";
    private static final String PROGRAM = "program";
    private static final String MACHINE = "machine";

    /** What tells the data in words, and what differs from machine to machine. */
    private static final Set<String> NOT_COMPARED =
            Set.of("millrace_journal", EXAMPLES, TOKENS, PROGRAM, MACHINE);

    /** What a journal of version 1 does not say. */
    private static final Set<String> SINCE_VERSION_2 =
            Set.of("micro_batch", "lr", "lr_schedule", "warmup", "steps", "eps", DEVICE, DATA);

    private final TuneConfig config;
    private final JournalHeader header;

    // Said where it is false.
    private static final String REPLAYABLE = "replayable";

    private RunHeader(TuneConfig config, JournalHeader header) {
        this.config = config;
        this.header = header;
    }

    /** The header of a run whose base moves itself, or of whose copy nothing is known. */
    static RunHeader of(TuneConfig config, String base, Scoring scoring) {
        return of(config, base, Optional.empty(), scoring);
    }

    /**
     * The header of a run.
     *
     * @param config the run
     * @param base fingerprint of the base weights
     * @param wire fingerprint of the copy that moves, where one does and it was read
     * @param scoring what it asks of the examples that it tunes on
     */
    static RunHeader of(TuneConfig config, String base, Optional<String> wire, Scoring scoring) {
        ArithmeticConfig arithmetic = config.arithmetic();
        Settings settings = config.settings();
        Map<String, Object> extra = new LinkedHashMap<>();
        ExamplesFingerprint examples = ExamplesFingerprint.of(scoring.sequences());
        extra.put(DATA, examples.digest());
        extra.put(EXAMPLES, scoring.examples());
        extra.put(TOKENS, examples.tokens());
        for (List<Option<?>> group : RunOptions.groups()) {
            addFields(extra, settings, group.stream().filter(Option::isAlwaysSaid));
            // What only some runs say has come after what all say since the first version.
            addFields(extra, settings, group.stream().filter(option -> !option.isAlwaysSaid()));
        }
        if (!arithmetic.isReplayable()) {
            extra.put(REPLAYABLE, false);
        }
        wire.ifPresent(copy -> extra.put(WIRE, copy));
        extra.put(PROGRAM, ProgramVersion.get());
        extra.put(MACHINE, CpuVectors.describe());
        return new RunHeader(
                config,
                new JournalHeader(
                        arithmetic.seed(),
                        base,
                        arithmetic.optimizer(),
                        arithmetic.perturbation(),
                        arithmetic.queries(),
                        arithmetic.foldEvery(),
                        arithmetic.rounding(),
                        arithmetic.dtype().map(DType::torchName).orElse(JournalHeader.AS_STORED),
                        arithmetic.weightDecay(),
                        extra));
    }

    private static void addFields(
            Map<String, Object> extra, Settings settings, Stream<Option<?>> options) {
        options.filter(Option::decidesBytes)
                .filter(option -> settings.has(option) && !JournalHeader.isOwn(option.field()))
                .forEach(option ->
                        option.said(settings).ifPresent(said -> extra.put(option.field(), said)));
    }

    /** All fields, the data's behind the options that can be why it is another. */
    Map<String, Object> allFields() {
        Map<String, Object> fields = new LinkedHashMap<>(header.fields().fields());
        for (String name : List.of(DATA, EXAMPLES, TOKENS)) {
            fields.put(name, fields.remove(name));
        }
        return fields;
    }

    /** The header as a new journal gets it. */
    JournalHeader header() {
        return header;
    }

    /**
     * Checks that this run may go on with a journal, and says what it cannot check.
     *
     * @throws BadInputException when the journal is that of a run with other bytes
     */
    void requireSame(Path file, Journal journal) {
        JsonObject then = journal.header().fields();
        JsonObject now = header.fields();
        Set<String> names = new LinkedHashSet<>(now.fields().keySet());
        names.addAll(then.fields().keySet());
        names.removeAll(NOT_COMPARED);
        if (!now.has(WIRE)) {
            names.remove(WIRE); // nobody has read the copy, or there is none
        }
        // An option can be why the data is another, and is the better thing to name.
        names.remove(DATA);
        names.add(DATA);
        if (journal.version() == 1) {
            names.removeAll(SINCE_VERSION_2);
        }
        for (String name : names) {
            Object was = value(then, name);
            Object is = value(now, name);
            if (!Objects.equals(was, is)) {
                throw name.equals(DATA) ? otherData(file, then, now) : other(file, name, was, is);
            }
        }
        if (journal.version() == 1) {
            requireSameStep(file, journal);
            LOG.log(
                    Level.WARNING,
                    "{0} is of version 1, which does not say what data its run is of: that it is"
                            + " the same goes unchecked",
                    file);
        } else {
            warnOfOtherMachine(file, then, now);
        }
        if (journal.lastStep() > config.arithmetic().steps()) {
            throw new BadInputException(
                    "--steps",
                    "the journal has " + journal.lastStep() + " steps already",
                    "give at least as many");
        }
    }

    private static Object value(JsonObject fields, String name) {
        return fields.has(name)
                ? fields.raw(name)
                : RunOptions.ofField(name).flatMap(Option::meantBySilence).orElse(null);
    }

    /** What a journal of version 1 keeps step by step: the last one has to be as this run's is. */
    private void requireSameStep(Path file, Journal journal) {
        if (journal.records().isEmpty()) {
            return;
        }
        ArithmeticConfig arithmetic = config.arithmetic();
        StepRecord last = journal.records().getLast();
        LrSchedule schedule =
                Schedules.named(arithmetic.schedule(), arithmetic.lr(), arithmetic.warmup());
        double lr = schedule.at(last.step(), arithmetic.steps());
        double eps = arithmetic.rule().eps(last.step(), arithmetic.eps());
        if (last.eps() != eps) {
            throw other(file, "eps", last.eps(), eps);
        }
        if (last.lr() != lr) {
            throw refused(file, "lr", last.lr(), lr, "give the learning rates of the run");
        }
    }

    private static void warnOfOtherMachine(Path file, JsonObject then, JsonObject now) {
        String began = machine(then);
        String goesOn = machine(now);
        if (!began.equals(goesOn)) {
            LOG.log(
                    Level.WARNING,
                    "{0} began with {1} and goes on with {2}: its bytes can differ from those of a"
                            + " run on one of them alone",
                    file,
                    began,
                    goesOn);
        }
    }

    private static String machine(JsonObject fields) {
        return "millrace " + fields.raw(PROGRAM) + " on " + fields.raw(MACHINE);
    }

    private BadInputException otherData(Path file, JsonObject then, JsonObject now) {
        DataConfig data = config.data();
        return new BadInputException(
                file.toString(),
                "field 'data' is "
                        + describeData(then)
                        + ", and "
                        + data.train()
                        + " makes "
                        + describeData(now),
                "give the --train, --seq-len, --template, --label-words, --no-pack, --eval-split,"
                        + " --columns, --split, --skip-bad-rows, --task and --sample-... that the"
                        + " run began with, or another --out for a new run");
    }

    private static String describeData(JsonObject fields) {
        return String.format(
                "%s (%s examples, %s tokens)",
                fields.raw(DATA), fields.raw(EXAMPLES), fields.raw(TOKENS));
    }

    private static BadInputException other(Path file, String field, Object was, Object is) {
        return refused(file, field, was, is, mend(field, was));
    }

    private static BadInputException refused(
            Path file, String field, Object was, Object is, String mend) {
        return new BadInputException(
                file.toString(),
                "field '"
                        + field
                        + "' is "
                        + (was == null ? "not there" : was)
                        + ", and this run has "
                        + (is == null ? "none" : is),
                mend + ", or another --out for a new run");
    }

    private static String mend(String field, Object was) {
        if (field.equals(BASE)) {
            return "give the --model that the run began from";
        }
        if (field.equals(WIRE)) {
            return "another build made the copy that the run began with: put that in --nvme-dir";
        }
        String option = RunOptions.ofField(field).map(Option::spelled).orElse("--" + field);
        if (was == null || was.equals(JournalHeader.AS_STORED)) {
            return "leave " + option + " out";
        }
        if (field.equals(DEVICE)) {
            boolean card = was.equals(DeviceKind.CUDA.id());
            return "give " + option + " " + (card ? DeviceKind.CUDA : DeviceKind.CPU).option();
        }
        return RunOptions.ofField(field)
                .map(known -> known.mend(was))
                .orElse("give " + option + " " + was);
    }
}
