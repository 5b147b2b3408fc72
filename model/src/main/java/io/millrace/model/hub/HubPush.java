package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Gives files to a repository of a hub, in one commit, which is made last: until then the
 * repository shows nothing of it. Large contents that a push has brought stay there, so one that
 * was interrupted goes on with the next file when it is repeated.
 */
public final class HubPush {
    private static final String SUMMARY = "Push with Millrace";
    private static final int MOST_FILES = 256; // of one question

    private final HubSettings settings;
    private final PushTarget target;
    private final Consumer<String> said;
    private final LongConsumer progress;

    /** Which way a file goes. */
    private record Way(boolean large, boolean ignored, Optional<String> there) {}

    /**
     * A push.
     *
     * @param settings which hub, and as whom
     * @param target where to
     * @param said hears a line before files are sent
     * @param progress hears bytes of large files as they go; fewer than none where some have to go
     *     again
     * @throws BadInputException where the settings do not let anything be given to anybody
     */
    public HubPush(
            HubSettings settings, PushTarget target, Consumer<String> said, LongConsumer progress) {
        this.settings = settings;
        this.target = target;
        this.said = said;
        this.progress = progress;
        requireFit();
    }

    private void requireFit() {
        if (settings.offline()) {
            throw bad(
                    "nothing goes to a hub without a network",
                    "go online (without --offline and HF_HUB_OFFLINE)");
        }
        if (settings.token().isEmpty()) {
            throw bad(
                    "there is no token, and " + settings.endpoint() + " takes nothing without one",
                    "set HF_TOKEN to one that may write");
        }
        if (!settings.isPrivateWay()) {
            throw bad(
                    "HF_ENDPOINT is "
                            + settings.endpoint()
                            + ", on whose way anybody may read the token",
                    "give an address that begins with https://");
        }
        if (HubCache.COMMIT.matcher(target.id().revision()).matches()) {
            throw bad("its revision is a commit, which nothing can be added to", "name a branch");
        }
    }

    /**
     * Gives some files.
     *
     * @param paths of files, whose names they get in the repository
     * @throws BadInputException when the hub does not take them, or cannot be reached
     */
    public PushResult run(List<Path> paths) {
        try (HubWriter hub = new HubWriter(target.id(), settings)) {
            List<OutgoingFile> files = new ArrayList<>();
            for (Path path : paths) {
                files.add(OutgoingFile.of(path));
            }
            open(hub);
            return give(hub, files);
        } catch (IOException e) {
            throw bad(
                    "cannot be pushed to at " + settings.endpoint() + ": " + HubModels.fault(e),
                    "check the network; the same command goes on with what is not there yet");
        }
    }

    private void open(HubWriter hub) throws IOException {
        boolean isHidden = hub.open(target.hidden());
        if (target.hidden() && !isHidden) {
            throw bad(
                    "is there already, and everybody can see it",
                    "leave out --private, or hide it at " + address());
        }
        if (!target.id().revision().equals(HubId.MAIN)) {
            hub.branch();
        }
    }

    private PushResult give(HubWriter hub, List<OutgoingFile> files) throws IOException {
        Tries tries = new Tries(settings.patience());
        Map<String, Way> ways = tries.of(() -> ways(hub, files));
        LargeFiles large = new LargeFiles(target.id(), settings.endpoint(), hub, progress);
        Commit commit = new Commit(SUMMARY);
        List<PushedFile> pushed = new ArrayList<>();
        tell(files, ways);
        for (OutgoingFile file : files) {
            PushedFile.Fate fate = add(file, ways.get(file.name()), large, commit);
            pushed.add(new PushedFile(file.name(), file.sizeBytes(), fate));
        }
        Optional<String> made =
                commit.isEmpty()
                        ? Optional.empty()
                        : Optional.of(
                                tries.of(() -> hub.commit(commit.body()))
                                        .string("commitOid", "unnamed"));
        return new PushResult(address(), made, pushed);
    }

    private PushedFile.Fate add(OutgoingFile file, Way way, LargeFiles large, Commit commit)
            throws IOException {
        if (way.ignored()) {
            return PushedFile.Fate.IGNORED;
        }
        ContentHash hash =
                way.large() ? ContentHash.sha256(file.path()) : ContentHash.git(file.path());
        if (way.there().filter(hash.hex()::equals).isPresent()) {
            return PushedFile.Fate.UNCHANGED;
        }
        if (!way.large()) {
            commit.add(file);
            return PushedFile.Fate.SENT;
        }
        boolean sent = large.send(file, hash);
        commit.add(file, hash);
        return sent ? PushedFile.Fate.SENT : PushedFile.Fate.KNOWN;
    }

    private void tell(List<OutgoingFile> files, Map<String, Way> ways) {
        long bytes =
                files.stream()
                        .filter(file -> !ways.get(file.name()).ignored())
                        .mapToLong(OutgoingFile::sizeBytes)
                        .sum();
        said.accept(
                "pushing "
                        + ByteSize.format(bytes)
                        + " in "
                        + files.size()
                        + " files to "
                        + target.id()
                        + " at "
                        + settings.endpoint());
    }

    private Map<String, Way> ways(HubWriter hub, List<OutgoingFile> files) throws IOException {
        Map<String, Way> ways = new LinkedHashMap<>();
        for (int from = 0; from < files.size(); from += MOST_FILES) {
            List<OutgoingFile> some =
                    files.subList(from, Math.min(files.size(), from + MOST_FILES));
            List<Map<String, Object>> asked = new ArrayList<>();
            for (OutgoingFile file : some) {
                asked.add(
                        Map.of(
                                "path",
                                file.name(),
                                "sample",
                                file.sample(),
                                "size",
                                file.sizeBytes()));
            }
            JsonObject answer = hub.preupload(Map.of("files", asked));
            try {
                for (Object one : answer.array("files")) {
                    JsonObject fields = JsonObject.of((Map<?, ?>) one);
                    ways.put(fields.string("path"), way(fields));
                }
                for (OutgoingFile file : some) {
                    if (!ways.containsKey(file.name())) {
                        throw new JsonFormatException("it says nothing of " + file.name());
                    }
                }
            } catch (JsonFormatException | ClassCastException e) {
                throw bad(
                        "the hub's answer does not say how files go: " + e.getMessage(),
                        "check HF_ENDPOINT");
            }
        }
        // Where large files are takes nothing that is empty.
        for (OutgoingFile file : files) {
            if (file.sizeBytes() == 0) {
                Way way = ways.get(file.name());
                ways.put(file.name(), new Way(false, way.ignored(), way.there()));
            }
        }
        return ways;
    }

    private static Way way(JsonObject fields) {
        String mode = fields.string("uploadMode");
        if (!mode.equals("lfs") && !mode.equals("regular")) {
            throw new JsonFormatException("'" + mode + "' is no known way");
        }
        return new Way(
                mode.equals("lfs"),
                fields.bool("shouldIgnore", false),
                Optional.ofNullable(fields.raw("oid")).map(Object::toString));
    }

    private URI address() {
        String branch =
                target.id().revision().equals(HubId.MAIN) ? "" : "/tree/" + target.id().revision();
        return URI.create(settings.endpoint() + "/" + target.id().path() + branch);
    }

    private BadInputException bad(String what, String mend) {
        return new BadInputException(target.id().toString(), what, mend);
    }
}
