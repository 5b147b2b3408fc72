package io.millrace.model.quantize;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelFolderWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.SideFiles;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFile;
import io.millrace.model.file.WeightFiles;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/**
 * Writes a model again with its layers' matrices in a form of fewer bits, and all else as it was:
 * other tensors byte for byte, tokenizer, configurations and shards. Matrices come in any order, a
 * few megabytes of one at a time; nothing has its final name before {@link #commit}. For use by one
 * thread.
 */
public final class QuantizedModel implements AutoCloseable {
    /** Numbers of a matrix that are at hand together, about: [rows, inputs] in float32. */
    private static final int TILE_ELEMENTS = 8 << 20;

    private static final int ROW_QUANTUM = 8;
    private static final String CONFIG = "config.json";

    private final Checkpoint base;
    private final QuantForm form;
    private final int group;
    private final LongConsumer progress;
    private final ModelLayout floats;
    private final Map<String, QuantMatrix> matrices;
    private final List<ModelFolderWriter.Shard> shards;
    private final ModelFolderWriter folder;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment buffer;
    private final float[] tile;

    private QuantizedModel(
            Checkpoint base,
            QuantForm form,
            int group,
            Map<String, QuantMatrix> matrices,
            Path directory,
            LongConsumer progress) {
        this.base = base;
        this.form = form;
        this.group = group;
        this.matrices = matrices;
        this.progress = progress;
        floats = base.layout(DType.F32);
        shards = shards();
        folder = create(directory);
        buffer = arena.allocate(CheckpointWriter.bufferBytes(), BlockLayout.ALIGNMENT);
        int most =
                matrices.values().stream()
                        .mapToInt(matrix -> tileRows(matrix) * columns(matrix))
                        .max()
                        .orElse(0);
        tile = new float[most];
    }

    /**
     * Begins the folder.
     *
     * @param base the model; stays open until this is closed
     * @param form of the matrices
     * @param group elements of a row that share a scale
     * @param directory one that is not there, or is empty
     * @param progress called now and then with the bytes of matrices done since the last call
     * @throws BadInputException when a matrix cannot be stored so, or the folder cannot be written
     */
    public static QuantizedModel create(
            Checkpoint base, QuantForm form, int group, Path directory, LongConsumer progress) {
        Map<String, QuantMatrix> matrices = new LinkedHashMap<>();
        for (QuantMatrix matrix : QuantMatrix.of(base.program())) {
            if (!base.layout().find(matrix.tensor()).orElseThrow().slot().isPlain()) {
                throw new BadInputException(
                        base.directory().toString(),
                        "tensor '" + matrix.tensor() + "' is quantised already",
                        "give the model that it was made of");
            }
            form.check(matrix, group, QuantForm.Asked.FORMAT);
            matrices.put(matrix.tensor(), matrix);
        }
        CheckpointWriter.checkEmpty(directory);
        return new QuantizedModel(base, form, group, matrices, directory, progress);
    }

    private List<ModelFolderWriter.Shard> shards() {
        Map<Path, List<SafetensorsWriter.Entry>> byFile = new HashMap<>();
        for (TensorInfo tensor : base.tensors().values()) {
            if (base.isWritten(tensor.name())) {
                byFile.computeIfAbsent(tensor.file(), _ -> new ArrayList<>())
                        .addAll(entries(tensor));
            }
        }
        List<ModelFolderWriter.Shard> shards = new ArrayList<>();
        for (WeightFile file : base.weights().files()) {
            if (byFile.containsKey(file.path())) {
                shards.add(
                        new ModelFolderWriter.Shard(
                                base.weights().form().written(file.path().getFileName().toString()),
                                file.metadata(),
                                byFile.get(file.path())));
            }
        }
        return shards;
    }

    private List<SafetensorsWriter.Entry> entries(TensorInfo tensor) {
        QuantMatrix matrix = matrices.get(tensor.name());
        return matrix == null
                ? List.of(
                        new SafetensorsWriter.Entry(tensor.name(), tensor.format(), tensor.shape()))
                : form.entries(matrix, group, tensor.dtype());
    }

    private ModelFolderWriter create(Path directory) {
        try {
            Map<String, byte[]> files = new LinkedHashMap<>(SideFiles.read(base.directory()));
            Map<String, Object> config = new LinkedHashMap<>(base.config().json().fields());
            config.put(
                    "quantization_config",
                    form.configuration(group, QuantMatrix.left(base.program())));
            files.put(CONFIG, Json.writePretty(config).getBytes(StandardCharsets.UTF_8));
            if (shards.size() > 1) {
                files.put(WeightFiles.INDEX, ModelFolderWriter.index(shards));
            }
            return ModelFolderWriter.create(
                    DurableFiles.system(), directory, CONFIG, shards, files);
        } catch (IOException e) {
            throw DurableFiles.failed("reading", base.directory(), e);
        }
    }

    /** The matrices that are to be quantised, by name. */
    public Map<String, QuantMatrix> matrices() {
        return matrices;
    }

    /** Bytes of all tensors that are written. */
    public long sizeBytes() {
        return shards.stream()
                .flatMap(shard -> shard.tensors().stream())
                .collect(Collectors.summingLong(SafetensorsWriter.Entry::sizeBytes));
    }

    /** Inputs that make up for one another, of those that a caller would like: whole groups. */
    public int window(int wanted) {
        return Math.max(1, wanted / group) * group;
    }

    /**
     * CodeBook and writes one matrix.
     *
     * @param feedback what it is multiplied with, if that is known
     * @throws BadInputException when it has what is no finite number, or too large a one
     */
    public TensorError quantise(QuantMatrix matrix, Optional<Feedback> feedback) {
        DType dtype = base.tensors().get(matrix.tensor()).dtype();
        TileCoder coder = new TileCoder(form, group);
        int columns = columns(matrix);
        // What groups that run on make up for is not within a row.
        boolean known = columns == matrix.inputs();
        Optional<Feedback> usable = known ? feedback : Optional.empty();
        int rows = tileRows(matrix);
        int all = Math.toIntExact(matrix.elements() / columns);
        for (int first = 0; first < all; first += rows) {
            int count = Math.min(rows, all - first);
            read(matrix, first, count);
            CodedTile coded = coder.code(matrix, columns, first, count, tile, usable);
            requireScales(matrix, coded.scales());
            form.write(coded, group, dtype, folder::write);
            progress.accept((long) count * columns * dtype.sizeBytes());
        }
        return coder.error(matrix, usable.isPresent());
    }

    private int columns(QuantMatrix matrix) {
        return form.runsOn() && matrix.inputs() % group != 0 ? group : matrix.inputs();
    }

    private int tileRows(QuantMatrix matrix) {
        int columns = columns(matrix);
        int quantum = Math.max(ROW_QUANTUM, form.rowsOfScale(group));
        int fitting = TILE_ELEMENTS / columns / quantum * quantum;
        return (int) Math.min(matrix.elements() / columns, Math.max(quantum, fitting));
    }

    private void requireScales(QuantMatrix matrix, float[] scales) {
        for (float scale : scales) {
            if (!Float.isFinite(scale)) {
                throw new BadInputException(
                        base.tensors().get(matrix.tensor()).file().toString(),
                        "tensor '"
                                + matrix.tensor()
                                + "' has weights that no scale of "
                                + form.name()
                                + " reaches",
                        "give another --format, such as nf4");
            }
        }
    }

    /** Rows of a matrix into the tile. */
    private void read(QuantMatrix matrix, int first, int count) {
        TensorSlot slot = floats.find(matrix.tensor()).orElseThrow().slot();
        read(slot, (long) first * columns(matrix), count * columns(matrix));
    }

    private void read(TensorSlot slot, long from, int count) {
        int most = (int) (buffer.byteSize() / Float.BYTES);
        for (int done = 0; done < count; done += most) {
            int part = Math.min(most, count - done);
            MemorySegment bytes = buffer.asSlice(0, (long) part * Float.BYTES);
            base.readTensor(slot, (from + done) * Float.BYTES, bytes);
            requireFinite(slot, from + done, bytes, part);
            MemorySegment.copy(bytes, ValueLayout.JAVA_FLOAT, 0, tile, done, part);
        }
    }

    private void requireFinite(TensorSlot slot, long first, MemorySegment bytes, int count) {
        for (int i = 0; i < count; i++) {
            float value = bytes.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            if (!Float.isFinite(value)) {
                throw new BadInputException(
                        base.tensors().get(slot.name()).file().toString(),
                        "tensor '" + slot.name() + "' has " + value + " at element " + (first + i),
                        "use weights that are finite numbers");
            }
        }
    }

    /**
     * Copies all other tensors, sees everything onto the disk, and gives every file its final name.
     *
     * @return bytes of all tensors
     * @throws IllegalStateException when a matrix was not quantised
     */
    public long commit() {
        for (TensorInfo tensor : base.tensors().values()) {
            if (base.isWritten(tensor.name()) && !matrices.containsKey(tensor.name())) {
                copy(tensor);
            }
        }
        folder.commit();
        return sizeBytes();
    }

    private void copy(TensorInfo tensor) {
        for (long done = 0; done < tensor.sizeBytes(); done += buffer.byteSize()) {
            MemorySegment part =
                    buffer.asSlice(0, Math.min(buffer.byteSize(), tensor.sizeBytes() - done));
            base.weights().read(tensor, done, part);
            folder.write(tensor.name(), done, part);
        }
    }

    /** Removes what was not committed; a second call does nothing. */
    @Override
    public void close() {
        folder.close();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
