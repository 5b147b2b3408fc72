package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.model.file.SideFiles;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.WeightForm;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** Finds the folder of a model that a person named: a path, or a name on a hub. */
public final class HubModels {
    private static final String CONFIG = "config.json";

    private final HubSettings settings;
    private final Consumer<String> said;
    private final LongConsumer progress;

    /**
     * A finder.
     *
     * @param settings which hub and which cache
     * @param said hears a line before anything is downloaded
     * @param progress hears bytes as they come; fewer than none where some have to come again
     */
    public HubModels(HubSettings settings, Consumer<String> said, LongConsumer progress) {
        this.settings = settings;
        this.said = said;
        this.progress = progress;
    }

    /**
     * The folder of a model. What is there under the name always wins; a cache's folder of a model
     * stands for its snapshot; a name on a hub is looked for in the cache, and then downloaded.
     *
     * @param given as a person gave it
     * @return a folder with the model, or the path as it was given where it means nothing else
     * @throws BadInputException when a name on a hub is meant and the model cannot be had
     */
    public Path folder(Path given) {
        if (Files.exists(given)) {
            return there(given);
        }
        Optional<HubId> id = HubId.find(given.toString());
        try {
            return id.isPresent() ? find(id.get()) : given;
        } catch (IOException e) {
            throw new BadInputException(
                    given.toString(),
                    "there is no such folder, and it cannot be had from "
                            + settings.endpoint()
                            + ": "
                            + fault(e),
                    "check the path, the network, and the cache " + settings.cache());
        }
    }

    /**
     * The folder of a model that is there under the path: a cache's folder stands for its snapshot.
     *
     * @param given a path of something
     * @throws BadInputException when it is a cache's and nothing says which snapshot is meant
     */
    public static Path there(Path given) {
        try {
            return HubCache.isOne(given) ? new HubCache(given).chosen() : given;
        } catch (IOException e) {
            throw new BadInputException(
                    given.toString(), "cannot be read: " + e, "check its permissions");
        }
    }

    private Path find(HubId id) throws IOException {
        HubCache cache = new HubCache(settings.cache().resolve(id.folder()));
        Optional<Path> snapshot = cache.find(id.revision());
        if (snapshot.isPresent() && HubCache.isWhole(snapshot.get())) {
            return snapshot.get();
        }
        if (settings.offline()) {
            throw new BadInputException(
                    id.toString(),
                    "there is no such folder, and the cache "
                            + settings.cache()
                            + (snapshot.isPresent()
                                    ? " has only a part of it"
                                    : " does not have it"),
                    "check the path, or go online (without --offline and HF_HUB_OFFLINE) once");
        }
        try (HubClient client = new HubClient(settings)) {
            return download(client, id, cache);
        }
    }

    private Path download(HubClient client, HubId id, HubCache cache) throws IOException {
        JsonObject model = client.model(id);
        String commit = commit(id, model);
        Files.createDirectories(cache.blobs());
        Path snapshot = Files.createDirectories(cache.snapshot(commit));
        Set<String> names = names(model);
        if (!names.contains(CONFIG)) {
            throw bad(id, "the hub's repository has no " + CONFIG, "name a repository of a model");
        }
        HubDownload download = new HubDownload(client, id, settings.patience(), progress);
        List<HubFile> small = new ArrayList<>();
        for (String name : names) {
            if (SideFiles.isOne(name)) {
                small.add(client.head(id, commit, name));
            }
        }
        WeightForm form = form(id, names);
        boolean sharded = !names.contains(form.single());
        if (sharded) {
            small.add(client.head(id, commit, form.index()));
        }
        bring(download, small, id, cache, commit);
        List<HubFile> large = new ArrayList<>();
        for (String name :
                sharded
                        ? WeightFiles.shards(snapshot.resolve(form.index()))
                        : Set.of(form.single())) {
            large.add(client.head(id, commit, name));
        }
        bring(download, large, id, cache, commit);
        cache.remember(id.revision(), commit);
        return snapshot;
    }

    private void bring(
            HubDownload download, List<HubFile> files, HubId id, HubCache cache, String commit)
            throws IOException {
        long missing = 0;
        for (HubFile file : files) {
            if (!HubDownload.isThere(cache.blobs(), file)) {
                missing += file.sizeBytes() - HubDownload.come(cache.blobs(), file);
            }
        }
        long free = Files.getFileStore(cache.blobs()).getUsableSpace();
        if (missing > free) {
            throw bad(
                    id,
                    "needs "
                            + ByteSize.format(missing)
                            + " more and the drive of "
                            + settings.cache()
                            + " has "
                            + ByteSize.format(free),
                    "free some, or name another cache with HF_HUB_CACHE");
        }
        if (missing > 0) {
            said.accept(
                    "downloading "
                            + id
                            + " from "
                            + settings.endpoint()
                            + ": "
                            + ByteSize.format(missing)
                            + " into "
                            + cache.folder());
        }
        for (HubFile file : files) {
            if (!HubDownload.isThere(cache.blobs(), file)) {
                download.bring(file, cache.blobs());
            }
            cache.link(commit, file);
        }
    }

    private static String commit(HubId id, JsonObject model) {
        try {
            String commit = model.string("sha");
            if (HubCache.COMMIT.matcher(commit).matches()) {
                return commit;
            }
        } catch (JsonFormatException e) {
            // said below: an answer without a commit is none
        }
        throw bad(id, "the hub's answer names no commit in 'sha'", "check HF_ENDPOINT");
    }

    /** Files at the top of the repository: what is in its folders is other programs' formats. */
    private static Set<String> names(JsonObject model) {
        Set<String> names = new TreeSet<>();
        if (model.raw("siblings") instanceof List<?> siblings) {
            for (Object sibling : siblings) {
                if (sibling instanceof Map<?, ?> fields
                        && fields.get("rfilename") instanceof String name
                        && name.matches("[A-Za-z0-9_][A-Za-z0-9_. +-]{0,150}")) {
                    names.add(name);
                }
            }
        }
        return names;
    }

    private static WeightForm form(HubId id, Set<String> names) {
        for (WeightForm form : WeightForm.values()) {
            if (names.contains(form.single()) || names.contains(form.index())) {
                return form;
            }
        }
        Set<String> weights = new LinkedHashSet<>(names);
        weights.removeIf(
                name -> !name.matches(".*\\.(gguf|h5|msgpack|pt|pth|onnx|bin|safetensors)"));
        throw bad(
                id,
                "the hub's repository has no weights in a form that is read"
                        + (weights.isEmpty() ? "" : ", only " + weights),
                "name one with " + WeightForm.SAFETENSORS.single());
    }

    /** Exceptions of connections often have no text of their own. */
    static String fault(Throwable e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private static BadInputException bad(HubId id, String what, String mend) {
        return new BadInputException(id.toString(), what, mend);
    }
}
