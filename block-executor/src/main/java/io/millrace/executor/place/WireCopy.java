package io.millrace.executor.place;

import io.millrace.executor.adapter.WireConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FolderLock;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.WeightScan;
import io.millrace.model.quantize.QuantMatrix;
import io.millrace.model.quantize.QuantizedModel;
import io.millrace.model.quantize.TensorError;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A copy of a base in fewer bits, which moves in its place: a folder of the drive that runs use,
 * made once for all runs of that base and form. What is in it is told by {@code wire.json}, which
 * is written when all else is whole; a copy that does not match that is made again.
 */
public final class WireCopy implements AutoCloseable {
    private static final String FACTS = "wire.json";
    private static final String MODEL = "model";
    private static final String MODEL_MARK = "config.json";
    private static final String LOCK = "wire.lock";
    private static final String VERSION = "millrace_wire";
    private static final int NAME_DIGITS = 16; // of the base's fingerprint
    private static final int WORST = 3;

    private final Checkpoint model;
    private final JsonObject facts;

    private WireCopy(Checkpoint model, JsonObject facts) {
        this.model = model;
        this.facts = facts;
    }

    /**
     * Opens the copy of a base, which is made where there is none that is whole.
     *
     * @param base stays open while this runs
     * @param scan of that base
     * @param wire the form
     * @param memory where it may lie
     * @param said hears what takes long, in a line
     * @throws BadInputException where there can be none
     */
    public static WireCopy open(
            Checkpoint base,
            WeightScan scan,
            WireConfig wire,
            MemoryConfig memory,
            Consumer<String> said) {
        check(base, wire, memory);
        Path dir =
                memory.nvmeDir()
                        .orElseThrow(() ->
                                new BadInputException(
                                        WireConfig.WIRE.spelled(),
                                        "there is no folder for the copy that moves",
                                        "add " + MemoryConfig.NVME_DIR.spelled()));
        Path folder =
                dir.resolve(
                        String.format(
                                Locale.ROOT,
                                "wire-%s-%d-%s",
                                wire.form().name(),
                                wire.group(),
                                scan.fingerprint().substring(0, NAME_DIGITS)));
        DurableFiles.system().createFolders(folder);
        try (FolderLock _ = lock(folder)) {
            return find(folder, scan.fingerprint(), said)
                    .orElseGet(() -> make(base, scan, wire, memory, folder, said));
        } catch (IOException e) {
            throw DurableFiles.failed("locking", folder, e);
        }
    }

    private static FolderLock lock(Path folder) throws IOException {
        return FolderLock.tryTake(folder, LOCK)
                .orElseThrow(() ->
                        new BadInputException(
                                folder.toString(),
                                "another run makes or checks this copy",
                                "start again when that has begun its steps"));
    }

    private static void check(Checkpoint base, WireConfig wire, MemoryConfig memory) {
        String option = WireConfig.WIRE.spelled();
        if (!memory.device().kind().onHostCores()) {
            throw new BadInputException(
                    option, "a card reads no codes yet", "give --device cpu, or leave it out");
        }
        wire.matrices(base.program(), base.layout(), base.directory().toString());
    }

    /** The copy that a folder has, if it is whole and of that base; says why it is not. */
    private static Optional<WireCopy> find(Path folder, String base, Consumer<String> said) {
        Path file = folder.resolve(FACTS);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        String why;
        try {
            JsonObject facts = Json.parseObject(Files.readString(file));
            if (facts.integer(VERSION) == 1 && facts.string("base").equals(base)) {
                Optional<WireCopy> found = opened(folder, facts);
                if (found.isPresent()) {
                    return found;
                }
            }
            why = "is not what was written there";
        } catch (IOException | JsonFormatException | BadInputException e) {
            why = "is damaged (" + e.getMessage() + ")";
        }
        said.accept("wire: the copy in " + folder + " " + why + "; it is made again");
        return Optional.empty();
    }

    /** The copy, if its weights are those that its facts tell. */
    private static Optional<WireCopy> opened(Path folder, JsonObject facts) {
        Checkpoint model = Checkpoint.open(folder.resolve(MODEL));
        try {
            if (model.scan().fingerprint().equals(facts.string("fingerprint"))) {
                WireCopy found = new WireCopy(model, facts);
                model = null;
                return Optional.of(found);
            }
            return Optional.empty();
        } finally {
            if (model != null) {
                model.close();
            }
        }
    }

    private static WireCopy make(
            Checkpoint base,
            WeightScan scan,
            WireConfig wire,
            MemoryConfig memory,
            Path folder,
            Consumer<String> said) {
        DurableFiles files = DurableFiles.system();
        files.delete(folder.resolve(FACTS));
        files.syncFolder(folder);
        Path place = folder.resolve(MODEL);
        if (Files.exists(place)) {
            files.deleteMarked(place, MODEL_MARK);
        }
        List<TensorError> errors = new ArrayList<>();
        long after;
        try (QuantizedModel made =
                QuantizedModel.create(base, wire.form(), wire.group(), place, _ -> {})) {
            requireRoom(made.sizeBytes(), memory, folder);
            said.accept(
                    String.format(
                            Locale.ROOT,
                            "wire: makes a copy of the base as %s, %s of %s: %s",
                            wire.form().name(),
                            ByteSize.format(made.sizeBytes()),
                            ByteSize.format(scan.sizeBytes()),
                            folder));
            for (QuantMatrix matrix : made.matrices().values()) {
                errors.add(made.quantise(matrix, Optional.empty()));
            }
            after = made.commit();
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put(VERSION, 1);
        facts.put("base", scan.fingerprint());
        facts.put("format", wire.form().name());
        facts.put("group_size", wire.group());
        facts.put("bytes_before", base.layout().weightBytes());
        facts.put("bytes_after", after);
        facts.put("relative_rms", TensorError.relativeRmsOfAll(errors));
        facts.put("tensors", errors.stream().map(WireCopy::fields).toList());
        Checkpoint model = Checkpoint.open(place);
        try {
            facts.put("fingerprint", model.scan().fingerprint());
            String text = Json.writePretty(facts);
            files.replace(folder.resolve(FACTS), text.getBytes(StandardCharsets.UTF_8));
            return new WireCopy(model, Json.parseObject(text));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    private static void requireRoom(long bytes, MemoryConfig memory, Path folder) {
        long budget = memory.nvmeBudget().orElse(Long.MAX_VALUE);
        if (bytes > budget) {
            throw new BadInputException(
                    MemoryConfig.NVME_BUDGET.spelled(),
                    ByteSize.format(budget) + " does not hold the copy that moves",
                    String.format(
                            Locale.ROOT,
                            "give at least %d (%s)",
                            bytes,
                            ByteSize.formatAtLeast(bytes)));
        }
        CheckpointWriter.checkWritable(folder, bytes);
    }

    private static Map<String, Object> fields(TensorError error) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("tensor", error.tensor());
        fields.put("relative_rms", error.relativeRms());
        fields.put("worst", error.worst());
        return fields;
    }

    /** The copy, open and scanned; closed with this. */
    public Checkpoint model() {
        return model;
    }

    /** What tells its weights from others. */
    public String fingerprint() {
        return facts.string("fingerprint");
    }

    /** What a record of a run says of it: all but the matrices that are nearer than others. */
    public Map<String, Object> summary() {
        Map<String, Object> fields = new LinkedHashMap<>(facts.fields());
        fields.keySet().removeAll(List.of(VERSION, "base", "tensors"));
        fields.put("worst", worst().stream().map(JsonObject::fields).toList());
        return fields;
    }

    private List<JsonObject> worst() {
        return facts.array("tensors").stream()
                .map(one -> JsonObject.of((Map<?, ?>) one))
                .sorted(
                        Comparator.comparingDouble((JsonObject one) -> one.number("relative_rms"))
                                .reversed())
                .limit(WORST)
                .toList();
    }

    /** Its form and its error, in a line. */
    public String describe() {
        JsonObject first = worst().getFirst();
        return String.format(
                Locale.ROOT,
                "wire: %s, %s of %s, relative error %.4f (RMS), at most %.4f in %s",
                facts.string("format"),
                ByteSize.format(facts.integer("bytes_after")),
                ByteSize.format(facts.integer("bytes_before")),
                facts.number("relative_rms"),
                first.number("relative_rms"),
                first.string("tensor"));
    }

    @Override
    public void close() {
        model.close();
    }
}
