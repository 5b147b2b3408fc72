package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.WeightForm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A model's folder in a cache as Hugging Face's library lays it out: contents by hash in {@code
 * blobs}, links to them by name in {@code snapshots/COMMIT}, and the commit of each branch in
 * {@code refs}.
 *
 * @param folder {@code models--owner--name}
 */
record HubCache(Path folder) {
    static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    private static final String CONFIG = "config.json";

    /** Whether a folder is one of these, and no model's own. */
    static boolean isOne(Path folder) {
        return Files.isDirectory(folder.resolve("snapshots"))
                && !Files.exists(folder.resolve(CONFIG));
    }

    Path blobs() {
        return folder.resolve("blobs");
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    /** The snapshot of a revision, be it whole or not. */
    Optional<Path> find(String revision) throws IOException {
        Path ref = folder.resolve("refs").resolve(revision);
        String commit = revision;
        if (Files.isRegularFile(ref)) {
            commit = Files.readString(ref).strip();
        }
        return COMMIT.matcher(commit).matches() && Files.isDirectory(snapshot(commit))
                ? Optional.of(snapshot(commit))
                : Optional.empty();
    }

    /**
     * The snapshot that the folder stands for: that of its main branch, or the only one.
     *
     * @throws BadInputException where nothing says which of several is meant
     */
    Path chosen() throws IOException {
        Optional<Path> main = find(HubId.MAIN);
        if (main.isPresent()) {
            return main.get();
        }
        try (Stream<Path> entries = Files.list(folder.resolve("snapshots"))) {
            List<Path> snapshots = entries.filter(Files::isDirectory).sorted().toList();
            if (snapshots.size() != 1) {
                throw new BadInputException(
                        folder.toString(),
                        "has " + snapshots.size() + " snapshots, and no refs/main to choose one",
                        "give one of the folders in snapshots");
            }
            return snapshots.getFirst();
        }
    }

    /** Whether a snapshot has all that a model needs; links without a target count as missing. */
    static boolean isWhole(Path snapshot) {
        if (!Files.isRegularFile(snapshot.resolve(CONFIG))) {
            return false;
        }
        for (WeightForm form : WeightForm.values()) {
            if (Files.isRegularFile(snapshot.resolve(form.single()))) {
                return true;
            }
            Path index = snapshot.resolve(form.index());
            if (Files.isRegularFile(index)) {
                return WeightFiles.shards(index).stream()
                        .allMatch(shard -> Files.isRegularFile(snapshot.resolve(shard)));
            }
        }
        return false;
    }

    /** Links a name of a snapshot to a blob, in the place of whatever link was there. */
    void link(String commit, HubFile file) throws IOException {
        Path link = snapshot(commit).resolve(file.name());
        Path target = Path.of("..", "..", "blobs", file.hash().hex());
        if (Files.isSymbolicLink(link) && Files.readSymbolicLink(link).equals(target)) {
            return;
        }
        Path fresh = link.resolveSibling(file.name() + ".part");
        Files.deleteIfExists(fresh);
        Files.createSymbolicLink(fresh, target);
        Files.move(
                fresh, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Says that a branch or tag is at a commit. */
    void remember(String revision, String commit) throws IOException {
        if (!COMMIT.matcher(revision).matches()) {
            Path refs = Files.createDirectories(folder.resolve("refs"));
            Path fresh = refs.resolve(revision + ".part");
            Files.writeString(fresh, commit);
            Files.move(
                    fresh,
                    refs.resolve(revision),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
