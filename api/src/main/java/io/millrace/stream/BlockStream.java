package io.millrace.stream;

import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FolderLock;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.FeedOptions;
import io.millrace.prefetch.VisitPlan;
import io.millrace.telemetry.SpanRecorder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Streams blocks through the tiers, pass after pass. Used from one thread.
 *
 * <pre>
 *   try (BlockStream stream = BlockStream.of(Blocks.ofFile(file, 8 &lt;&lt; 20))
 *           .hostBudget("256MiB").nvmeDir(folder).writeBack().resume().open()) {
 *       double[] sum = stream.pass(block -&gt; new double[] {add(block.bytes())}).sum();
 *   }
 * </pre>
 */
public final class BlockStream implements AutoCloseable {
    private static final String LOCK_FILE = "stream.lock";
    private static final String IN_USE = "another stream uses this folder";

    private final OwnedResources owned = new OwnedResources();
    private final Visits visits;
    private final StreamTiers tiers;

    private BlockStream(Builder builder, StreamPlan plan) {
        try {
            Optional<Path> folder = plan.wishes().folder();
            folder.ifPresent(place -> owned.own(FolderLock.take(place, LOCK_FILE, IN_USE)));
            long identity = Identity.of(builder.blocks, builder.name);
            VisitJournal journal =
                    folder.map(place ->
                                    owned.own(
                                            VisitJournal.open(
                                                    place, identity, builder.blocks.count())))
                            .orElseGet(VisitJournal::none);
            SpanRecorder spans = new SpanRecorder();
            tiers = owned.own(new StreamTiers(plan, identity, journal, spans));
            visits = new Visits(builder.blocks, tiers, journal, builder.writeBack, spans);
            builder.trace.ifPresent(file -> owned.own(visits.traceTo(file)));
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    /** Begins the description of a stream. */
    public static Builder of(Blocks blocks) {
        return new Builder(blocks);
    }

    /**
     * What a stream is to be like: each option means what the command line's of its name does. All
     * have usual values: the CPU, all memory that is free, no folder, two blocks ahead.
     */
    public static final class Builder {
        private final Blocks blocks;
        private String name = "";
        private Settings settings = Settings.NONE;
        private Optional<Path> trace = Optional.empty();
        private Duration stallLimit = FeedOptions.DEFAULT_STALL_LIMIT;
        private boolean writeBack;
        private boolean resume;

        private Builder(Blocks blocks) {
            this.blocks = blocks;
        }

        /** What the computation is, its parameters included: only the same is gone on with. */
        public Builder named(String computation) {
            name = computation;
            return this;
        }

        /**
         * {@code cpu}, or {@code emulated}: a CPU with memory of its own, to try what a card has.
         */
        public Builder device(String device) {
            return with(MemoryConfig.DEVICE, device);
        }

        /** Most bytes of an emulated device's memory, such as {@code 1GiB}. */
        public Builder deviceBudget(String size) {
            return with(MemoryConfig.DEVICE_BUDGET, size);
        }

        /** Most bytes of host memory, such as {@code 18GiB}: blocks, staging, everything here. */
        public Builder hostBudget(String size) {
            return with(MemoryConfig.HOST_BUDGET, size);
        }

        /**
         * A folder for the journal and for changed blocks, made where it is not there. Without one
         * nothing outlives the process, and changed blocks have to fit the host's memory.
         */
        public Builder nvmeDir(Path folder) {
            return with(MemoryConfig.NVME_DIR, folder.toString());
        }

        /** Most bytes of changed blocks in that folder. */
        public Builder nvmeBudget(String size) {
            return with(MemoryConfig.NVME_BUDGET, size);
        }

        /** Blocks that are on their way while one is computed on. */
        public Builder prefetch(int count) {
            return with(MemoryConfig.PREFETCH, Integer.toString(count));
        }

        /** Has blocks moved and computed on in turn, to compare. */
        public Builder noOverlap() {
            settings = settings.with(MemoryConfig.OVERLAP, false);
            return this;
        }

        /** Work may change blocks. */
        public Builder writeBack() {
            writeBack = true;
            return this;
        }

        /** Goes on with what the folder holds, if it holds anything. */
        public Builder resume() {
            resume = true;
            return this;
        }

        /** How long a block may take to come before the stream fails; two minutes otherwise. */
        public Builder stallLimit(Duration limit) {
            stallLimit = limit;
            return this;
        }

        /** Writes the timeline, for ui.perfetto.dev. */
        public Builder trace(Path file) {
            trace = Optional.of(file);
            return this;
        }

        private <T> Builder with(Option<T> option, String text) {
            settings = settings.with(option, option.parse(List.of(text)));
            return this;
        }

        private StreamPlan.Wishes wishes() {
            return new StreamPlan.Wishes(new MemoryConfig(settings), writeBack, stallLimit);
        }

        /**
         * Opens the stream; whoever asks owns it.
         *
         * @throws BadInputException where a budget is too small, naming the smallest that works and
         *     having made nothing, or the folder is in use, or holds a stream that is another or is
         *     not to be gone on with
         */
        public BlockStream open() {
            StreamPlan plan = StreamPlan.of(blocks, wishes());
            plan.wishes().folder().ifPresent(this::prepare);
            return new BlockStream(this, plan);
        }

        private void prepare(Path folder) {
            GivenPaths.requireFolder(MemoryConfig.NVME_DIR.spelled(), folder);
            if (!resume && (VisitJournal.isThere(folder) || BlockStore.isStore(folder))) {
                throw new BadInputException(
                        MemoryConfig.NVME_DIR.spelled(),
                        folder + " holds a stream already",
                        "open it with resume(), or remove it with BlockStream.delete");
            }
            DurableFiles.system().createFolders(folder);
        }
    }

    /** A pass without an input. */
    public PassResult pass(BlockWork work) {
        return pass(new double[0], work);
    }

    /**
     * Takes every block once, in order. A pass that the journal knows is given from there, and
     * visits only blocks whose change was lost; one that was cut off visits those that are missing.
     *
     * @param input what all its visits are given; the same as before where the pass is known
     * @param work what is done to a block
     * @throws BadInputException where the journal knows the pass with another input
     * @throws IllegalStateException where the work failed, or gave something else for a block than
     *     before; the stream is to be closed then
     */
    public PassResult pass(double[] input, BlockWork work) {
        return visits.pass(input, work);
    }

    /**
     * Sees all changes and outputs so far onto the drive; nothing where there is no folder.
     *
     * @throws IllegalStateException where the journal knows passes that were not gone through since
     *     the stream was opened: until then blocks are of several passes
     */
    public void save() {
        visits.save();
    }

    /**
     * Writes all blocks as they are, one behind the other, to a file that appears whole.
     *
     * @param file is replaced where it is there; left as it was where this fails
     * @throws IllegalStateException where the journal knows passes that were not gone through since
     *     the stream was opened: until then blocks are of several passes
     */
    public void writeTo(Path file) {
        visits.write(file);
    }

    /** The most host memory that the stream took at once, which its budget bounds. */
    public long hostBytes() {
        return tiers.peakBytes(Tier.HOST);
    }

    /** Most space of the drive that changed blocks took. */
    public long nvmeBytes() {
        return tiers.peakBytes(Tier.NVME);
    }

    /**
     * Frees everything. What was not {@linkplain #save saved} is in the journal as far as that was
     * written, and is made again by a program that goes on.
     */
    @Override
    public void close() {
        owned.close();
    }

    /**
     * Removes what a stream left in its folder, and the folder where nothing else is in it.
     *
     * @throws BadInputException where a stream has it open
     */
    public static void delete(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        DurableFiles files = DurableFiles.system();
        FolderLock held = FolderLock.take(folder, LOCK_FILE, IN_USE);
        try (held) {
            // The journal last: without a store it still makes every block again.
            BlockStore.delete(folder);
            files.delete(folder.resolve(VisitJournal.FILE));
        }
        try (Stream<Path> rest = Files.list(folder)) {
            if (rest.findAny().isPresent()) {
                return;
            }
        } catch (IOException e) {
            throw DurableFiles.failed("listing", folder, e);
        }
        files.delete(folder);
    }

    /** A pass over all blocks. */
    static VisitPlan whole(int blocks) {
        return of(IntStream.range(0, blocks).boxed().toList());
    }

    /** A pass over some of them. */
    static VisitPlan of(List<Integer> blocks) {
        return new VisitPlan(
                blocks.stream()
                        .map(block -> new VisitPlan.Entry(block, VisitPlan.Part.LAYER, block))
                        .toList());
    }
}
