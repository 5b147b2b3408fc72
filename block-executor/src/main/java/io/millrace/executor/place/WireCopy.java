package io.millrace.executor.place;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.WireConfig;
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
            Optional<WireCopy> whole = find(folder, scan.fingerprint());
            if (whole.isEmpty()) {
                make(base, scan, wire, memory, folder, said);
                whole = find(folder, scan.fingerprint());
            }
            return whole.orElseThrow(
                    () -> new IllegalStateException(folder + " is not what was written to it"));
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
        for (QuantMatrix matrix : QuantMatrix.of(base.program())) {
            if (!base.layout().find(matrix.tensor()).orElseThrow().slot().isPlain()) {
                throw new BadInputException(
                        option,
                        base.directory() + " is quantised already and moves as it is",
                        "leave it out");
            }
            wire.check(matrix);
        }
    }

    /** The copy that a folder has, if it is whole and of that base. */
    private static Optional<WireCopy> find(Path folder, String base) {
        Path file = folder.resolve(FACTS);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Checkpoint model = null;
        try {
            JsonObject facts = Json.parseObject(Files.readString(file));
            model = Checkpoint.open(folder.resolve(MODEL));
            boolean whole =
                    facts.integer(VERSION) == 1
                            && facts.string("base").equals(base)
                            && model.scan().fingerprint().equals(facts.string("fingerprint"));
            if (whole) {
                WireCopy found = new WireCopy(model, facts);
                model = null;
                return Optional.of(found);
            }
            return Optional.empty();
        } catch (IOException | JsonFormatException | BadInputException e) {
            return Optional.empty(); // damaged or half gone: it is made again
        } finally {
            if (model != null) {
                model.close();
            }
        }
    }

    private static void make(
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
        try (Checkpoint model = Checkpoint.open(place)) {
            facts.put("fingerprint", model.scan().fingerprint());
        }
        facts.put("tensors", errors.stream().map(WireCopy::fields).toList());
        files.replace(
                folder.resolve(FACTS), Json.writePretty(facts).getBytes(StandardCharsets.UTF_8));
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

    /** Bytes of its weights. */
    public long sizeBytes() {
        return facts.integer("bytes_after");
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
                ByteSize.format(sizeBytes()),
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
