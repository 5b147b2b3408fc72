package io.millrace.executor.journal;

import io.millrace.executor.companion.CompanionSource;
import io.millrace.executor.companion.GivenAdapter;
import io.millrace.executor.config.BegunAdapter;
import io.millrace.executor.cpu.PassesPlan;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.place.TunedFolder;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.DivergedException;
import io.millrace.executor.step.FiniteWeights;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.RunLayout;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.TunedWriter;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalSurvey;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.UpdateRule;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Base checkpoint + journal = tuned model: rebuilds it block by block, without data or forwards.
 */
public final class Replay {
    private Replay() {}

    /**
     * What was rebuilt.
     *
     * @param steps steps that the weights hold
     * @param blocks blocks written
     */
    public record Result(long steps, int blocks) {}

    /**
     * Rebuilds a tuned model.
     *
     * @param base the folder that the run began from
     * @param journal the run's {@code journal.jsonl}
     * @param out the folder to write
     * @throws BadInputException when the journal is damaged or belongs to another base
     * @throws DivergedException when the weights are not finite any more by its end
     */
    public static Result run(Path base, Path journal, Path out) {
        return run(base, Optional.empty(), journal, out);
    }

    /**
     * The same of a run that may have begun with an adapter.
     *
     * @param base the folder that the run began from
     * @param adapter the folder of the adapter that it began with, if it did
     * @param journal the run's {@code journal.jsonl}
     * @param out the folder to write
     * @throws BadInputException when it began with another
     */
    public static Result run(Path base, Optional<Path> adapter, Path journal, Path out) {
        Journal read = JournalReader.read(journal);
        requireWhole(journal, read);
        return run(base, adapter, journal, read, read.lastStep(), out);
    }

    /**
     * Rebuilds a model as it was after a step: what a run of so many steps would have saved. Of the
     * journal, only the lines up to that step have to be whole.
     *
     * @param base the folder that the run began from
     * @param journal the run's {@code journal.jsonl}
     * @param until the step, 0 for the base itself
     * @param out the folder to write
     * @throws BadInputException when the journal does not reach the step, is damaged before it, or
     *     belongs to another base
     * @throws DivergedException when the weights are not finite any more by then
     */
    public static Result until(Path base, Path journal, long until, Path out) {
        return until(base, Optional.empty(), journal, until, out);
    }

    /**
     * The same of a run that may have begun with an adapter.
     *
     * @param base the folder that the run began from
     * @param adapter the folder of the adapter that it began with, if it did
     * @param journal the run's {@code journal.jsonl}
     * @param until the step
     * @param out the folder to write
     */
    public static Result until(
            Path base, Optional<Path> adapter, Path journal, long until, Path out) {
        JournalSurvey survey = JournalReader.survey(journal);
        Journal read = survey.journal();
        if (until < 0 || until > read.lastStep()) {
            if (until > 0 && survey.damage().isPresent()) {
                throw survey.damage().get();
            }
            throw new BadInputException(
                    "--until",
                    journal + " has " + read.lastStep() + " whole steps and no step " + until,
                    "give a number from 0 to " + read.lastStep());
        }
        return run(base, adapter, journal, read, until, out);
    }

    private static Result run(
            Path base, Optional<Path> adapter, Path journal, Journal read, long until, Path out) {
        CheckpointWriter.checkEmpty(out);
        JournalHeader header = read.header();
        requireAdapter(adapter, journal, header);
        try (Checkpoint checkpoint = Checkpoint.open(base)) {
            requireBase(checkpoint, journal, header);
            ModelLayout layout = checkpoint.layout();
            if (!header.dtype().equals(JournalHeader.AS_STORED)) {
                layout = checkpoint.layout(DType.find(header.dtype()).orElseThrow());
            }
            RunLayout tuned = new MethodFields(journal, header).tuned(checkpoint, layout);
            CheckpointWriter.checkWritable(out, tuned.layout().tuned().sizeBytes());
            Optional<GivenAdapter> begun = adapter.map(one -> GivenAdapter.open(one, base));
            try (GivenAdapter _ = begun.orElse(null)) {
                rebuild(
                        checkpoint,
                        tuned,
                        journal,
                        read,
                        until,
                        out,
                        Ledger.unlimited(),
                        begun.map(CompanionSource.class::cast));
            }
            return new Result(until, layout.blocks().size());
        }
    }

    /** What a journal says of the adapter that its run began with. */
    private static void requireAdapter(Optional<Path> given, Path journal, JournalHeader header) {
        String field = BegunAdapter.ADAPTER.field();
        Optional<Object> began =
                header.fields().has(field)
                        ? Optional.of(header.fields().raw(field))
                        : Optional.empty();
        if (given.isEmpty() && began.isPresent()) {
            throw new BadInputException(
                    journal.toString(),
                    "is of a run that began with an adapter",
                    "give that with " + BegunAdapter.ADAPTER.spelled());
        }
        Optional<Object> is = given.map(BegunAdapter::fingerprint);
        if (!is.equals(began)) {
            throw new BadInputException(
                    journal.toString(),
                    began.map(was ->
                                    "field '"
                                            + field
                                            + "' is "
                                            + was
                                            + ", and "
                                            + given.get()
                                            + " is "
                                            + is.get())
                            .orElse("is of a run that began with no adapter"),
                    began.isPresent()
                            ? "give the adapter that the run began with"
                            : "leave " + BegunAdapter.ADAPTER.spelled() + " out");
        }
    }

    /** Bytes of host memory that {@link #rebuild} takes. */
    public static long hostBytes(ModelLayout layout, Arithmetic arithmetic) {
        PassesPlan plan = new PassesPlan(arithmetic, ScratchSize.NONE);
        return HostMemory.pageBytes(layout.tuned().largestBlock().sizeBytes()) + plan.bytes(layout);
    }

    /**
     * Refuses a host budget in which nothing can be rebuilt.
     *
     * @param session of the run
     * @param arithmetic what it does to its parameters
     * @param what is to be rebuilt
     * @param otherwise what else would mend it, with what joins it to the first; may be empty
     */
    public static void requireRoom(
            ModelSession session, Arithmetic arithmetic, String what, String otherwise) {
        long budget = session.ledger().budget(Tier.HOST);
        long needed = hostBytes(session.layout(), arithmetic);
        if (needed > budget) {
            throw new BadInputException(
                    "--host-budget",
                    ByteSize.format(budget) + " is too little to rebuild " + what + " in",
                    String.format(
                            "give at least %d (%s)%s",
                            needed, ByteSize.formatAtLeast(needed), otherwise));
        }
    }

    /**
     * Writes what a run whose base is open makes of it.
     *
     * @param checkpoint the base
     * @param tuned what was tuned; the rule's states lie beside that while it lasts
     * @param journal the file, for messages
     * @param read what it holds
     * @param until the last step that the weights hold
     * @param out the folder to write
     * @param ledger what memory is charged to: a block, and the passes' own
     * @param begun the adapter that the run began with, if it did
     */
    public static void rebuild(
            Checkpoint checkpoint,
            RunLayout tuned,
            Path journal,
            Journal read,
            long until,
            Path out,
            Ledger ledger,
            Optional<CompanionSource> begun) {
        JournalHeader header = read.header();
        MethodFields methods = new MethodFields(journal, header);
        UpdateRule rule = methods.rule();
        Direction direction = methods.direction();
        Participation participation = methods.participation();
        UpdateLog updates = new UpdateLog(rule, participation, tuned.layout().parts());
        read.records().subList(0, Math.toIntExact(until)).forEach(updates::add);
        Arithmetic arithmetic =
                new Arithmetic(
                                direction,
                                rule.hasMomentum(),
                                rule.isElementwise(),
                                header.rounding(),
                                header.foldEvery(),
                                Matmul.NATIVE)
                        .over(methods.mask(), checkpoint, tuned, header.runSeed());
        PassesPlan plan = new PassesPlan(arithmetic, ScratchSize.NONE);
        HostMemory memory = new HostMemory(ledger);
        TunedFolder folder =
                new TunedFolder(
                        checkpoint, tuned, new TunedFolder.Origin(header.base(), read.identity()));
        try (WorkerPool pool = new WorkerPool();
                WeightPasses passes = plan.open(pool, tuned.layout(), memory);
                TunedWriter writer = folder.result(out, until)) {
            rebuild(
                    tuned.layout().tuned(),
                    begun.orElseGet(() -> start(checkpoint, tuned, header.runSeed())),
                    updates,
                    passes,
                    memory,
                    writer);
        }
    }

    /** What a run's blocks had in them before its first step. */
    private static CompanionSource start(Checkpoint base, RunLayout tuned, long runSeed) {
        return tuned.adapter().isPresent()
                ? tuned.start(base, runSeed)
                : (block, bytes) -> {
                    base.readBlock(block, bytes);
                    return 0;
                };
    }

    /** What a journal says is of the weights that it began from, and of no others. */
    static void requireBase(Checkpoint checkpoint, Path journal, JournalHeader header) {
        String fingerprint = checkpoint.scan().fingerprint();
        if (!fingerprint.equals(header.base())) {
            throw new BadInputException(
                    journal.toString(),
                    "field 'base' is "
                            + header.base()
                            + ", and the weights in "
                            + checkpoint.directory()
                            + " are "
                            + fingerprint,
                    "give the folder that the run began from");
        }
    }

    /** A run drops a line that a crash cut off and does its step again; a replay cannot. */
    static void requireWhole(Path journal, Journal read) {
        if (read.tornBytes() > 0) {
            throw new BadInputException(
                    journal + ", line " + (read.records().size() + 2),
                    "is cut off, so step " + (read.lastStep() + 1) + " is not whole",
                    "resume the run, take a whole copy, or remove the line to leave the step out");
        }
    }

    private static void rebuild(
            ModelLayout layout,
            CompanionSource start,
            UpdateLog updates,
            WeightPasses passes,
            HostMemory memory,
            TunedWriter writer) {
        ForwardRequest request = ForwardRequest.fold(updates, ForwardRequest.Folding.ALL);
        try (HostSlab slab = memory.allocate("a block", layout.largestBlock().sizeBytes())) {
            for (BlockLayout block : layout.blocks()) {
                MemorySegment bytes = slab.segment().asSlice(0, block.sizeBytes());
                bytes.fill((byte) 0);
                start.read(block, bytes);
                new HostVisit(new BaseBlock(bytes), block, request, passes.foldEvery(), true)
                        .finish(passes);
                FiniteWeights.require(layout, block.index(), bytes, updates.lastStep());
                writer.writeBlock(block.index(), bytes);
            }
            writer.commit();
        }
    }

    /** A block fresh from the base checkpoint. */
    private record BaseBlock(MemorySegment weights) implements BlockLease {
        @Override
        public long foldedThrough() {
            return 0;
        }

        @Override
        public void markFolded(long throughStep, boolean changed) {
            // Written out right after; nobody asks again.
        }

        @Override
        public void close() {
            // The slab's owner closes it.
        }
    }
}
