package io.millrace.executor.run;

import io.millrace.executor.place.StoreRecord;
import io.millrace.memory.BadInputException;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What runs have left on drives: in a run's folder, or in one that holds block stores. Removing it
 * never loses a step: base and journal, which stay, are enough to go on.
 */
public final class Cleaning {
    private Cleaning() {}

    /**
     * Something that can go.
     *
     * @param path a file or a folder
     * @param bytes that it takes on its drive
     * @param why nobody needs it, or what it spares whoever goes on
     */
    public record Leftover(Path path, long bytes, String why) {}

    /**
     * Finds what can go, and changes nothing.
     *
     * @param folder a run's output, or a folder of block stores
     * @param all whether also what makes going on cheap: the store and the checkpoints of a run
     *     that is not finished
     * @throws BadInputException where the folder is neither, or a run is at work in it
     */
    public static List<Leftover> find(Path folder, boolean all) {
        if (!Files.isDirectory(folder)) {
            throw new BadInputException(
                    folder.toString(),
                    "is no folder",
                    "give a run's folder, or that of --nvme-dir");
        }
        boolean run = Files.isRegularFile(RunFolder.journal(folder));
        List<Path> stores = Leftovers.entries(folder).stream().filter(BlockStore::isStore).toList();
        if (run) {
            try (RunFolder held = RunFolder.open(folder, true)) {
                return ofRun(held.folder(), all);
            }
        }
        if (stores.isEmpty()) {
            throw new BadInputException(
                    folder.toString(),
                    "holds no run and no block stores",
                    "give a run's folder, or that of --nvme-dir");
        }
        return ofStores(stores, all);
    }

    private static List<Leftover> ofRun(Path folder, boolean all) {
        List<Leftover> found = new ArrayList<>();
        for (Path path : Leftovers.halfDone(folder)) {
            found.add(leftover(path, "a stop left it half done"));
        }
        boolean finished = isFinished(folder);
        String why =
                finished
                        ? "the run is finished"
                        : "going on without it applies more of the journal";
        if (finished || all) {
            new StoreRecord(folder).find().ifPresent(store -> found.add(leftover(store, why)));
            Path checkpoints = RunCheckpoints.folder(folder);
            if (Files.isDirectory(checkpoints)) {
                found.removeIf(one -> one.path().startsWith(checkpoints));
                found.add(leftover(checkpoints, why));
            }
        }
        return found;
    }

    private static List<Leftover> ofStores(List<Path> stores, boolean all) {
        List<Leftover> found = new ArrayList<>();
        for (Path store : stores) {
            Optional<Path> run = runOf(store);
            Optional<String> why = Optional.empty();
            if (run.isEmpty()) {
                why = all ? Optional.of("it does not say whose it is") : Optional.empty();
            } else if (!Files.isRegularFile(RunFolder.journal(run.get()))) {
                why = Optional.of("its run " + run.get() + " is gone");
            } else if (isFinished(run.get())) {
                why = Optional.of("its run " + run.get() + " is finished");
            } else if (!new StoreRecord(run.get()).names(store)) {
                why = Optional.of("its run " + run.get() + " has another one");
            } else if (all) {
                why = Optional.of("going on with " + run.get() + " applies more of the journal");
            }
            why.ifPresent(reason -> found.add(leftover(store, reason)));
        }
        return found;
    }

    private static Optional<Path> runOf(Path store) {
        try {
            String owner = Files.readString(BlockStore.ownerFile(store));
            return Optional.of(Path.of(Json.parseObject(owner).string("run")));
        } catch (IOException | JsonFormatException e) {
            return Optional.empty();
        }
    }

    private static boolean isFinished(Path run) {
        return FinishedRun.of(run)
                .filter(end -> end.steps() == JournalReader.read(RunFolder.journal(run)).lastStep())
                .isPresent();
    }

    private static Leftover leftover(Path path, String why) {
        try (Stream<Path> files = Files.walk(path)) {
            long bytes = 0;
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                bytes += Files.size(file);
            }
            return new Leftover(path, bytes, why);
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be read", e);
        }
    }

    /**
     * Removes what was found.
     *
     * @throws BadInputException where a run has taken it up meanwhile
     */
    public static void remove(Leftover leftover) {
        if (BlockStore.isStore(leftover.path())) {
            BlockStore.delete(leftover.path());
        } else {
            Leftovers.remove(leftover.path());
        }
    }
}
