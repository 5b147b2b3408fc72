package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.UnitFormat;
import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.known.Architectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.WeightForm;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.quantized.QuantMethods;
import io.millrace.model.spec.Slices;
import io.millrace.model.spec.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/**
 * A Hugging Face model folder, open for reading: its configuration, its decoder, and its weights
 * where the files have them. All that can be checked without reading the weights is checked by
 * {@link #open}. Reads may come from any thread.
 */
public final class Checkpoint implements AutoCloseable {
    /** The most memory that a read takes beside its destination. */
    public static final int STAGING_BYTES = 4 << 20;

    /** How much of a tensor is read at once: whole elements of every dtype. */
    private static final long PIECE_BYTES = 4 * STAGING_BYTES;

    private final Path directory;
    private final ModelConfig config;
    private final Architecture architecture;
    private final ModelProgram program;
    private final WeightFiles weights;
    private final ModelLayout layout;
    private final Map<String, TensorInfo> scales; // of packed matrices, by their own names
    private final List<String> headCopies;
    private final List<String> ignored;
    private volatile Map<String, Integer> checksums = Map.of();
    private volatile Optional<RowChecksums> rowChecksums = Optional.empty();

    private Checkpoint(
            Path directory,
            ModelConfig config,
            Architecture architecture,
            ModelProgram program,
            WeightFiles weights) {
        this.directory = directory;
        this.config = config;
        this.architecture = architecture;
        this.program = program;
        this.weights = weights;
        Set<String> used =
                ProgramTensors.of(program).all().map(TensorSpec::name).collect(Collectors.toSet());
        this.headCopies =
                program.isTied()
                        ? architecture.headNames().stream()
                                .filter(tensors()::containsKey)
                                .filter(name -> !used.contains(name))
                                .toList()
                        : List.of();
        this.ignored =
                tensors().keySet().stream()
                        .filter(name -> !used.contains(name) && !headCopies.contains(name))
                        .filter(name -> !architecture.isBuffer(name))
                        .toList();
        checkTensors();
        this.layout = ModelLayout.of(program, name -> tensors().get(name).format());
        scales = ScaleTensors.stored(layout, tensors());
        checkHeadCopies();
    }

    /**
     * Opens a folder and checks its configuration, headers, index, and the names, shapes and dtypes
     * of its tensors.
     *
     * @throws BadInputException when anything is missing, damaged, or not supported
     */
    public static Checkpoint open(Path directory) {
        ModelFolder.check(directory);
        ModelConfig config = ModelFolder.config(directory);
        Architecture architecture = Architectures.of(config);
        WeightFiles weights = WeightFiles.open(directory);
        try {
            WeightFiles whole = QuantMethods.assemble(config, weights);
            WeightFiles named = FoundWeights.named(whole, architecture, config);
            ModelProgram program = architecture.program(config, named.tensors().keySet());
            WeightFiles cut = FoundWeights.sliced(program, named);
            return new Checkpoint(directory, config, architecture, program, cut);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private void checkTensors() {
        QuantMethods.requireOutputMajor(program, tensors());
        weights.checkIndex(
                ProgramTensors.of(program).all().map(TensorSpec::name).distinct().toList());
        ProgramTensors.of(program)
                .all()
                .forEach(wanted -> {
                    TensorInfo found = tensors().get(wanted.name());
                    if (found == null) {
                        throw missing(wanted.name());
                    }
                    if (!found.shape().equals(wanted.shape())) {
                        throw new BadInputException(
                                found.file().toString(),
                                "tensor '"
                                        + wanted.name()
                                        + "' has shape "
                                        + found.shape()
                                        + " where config.json asks for "
                                        + wanted.shape()
                                        + taken(wanted.shape(), found.shape()),
                                "use the weights and the config.json of one publication");
                    }
                    if (!found.format().holdsWeights()) {
                        throw new BadInputException(
                                found.file().toString(),
                                "tensor '"
                                        + wanted.name()
                                        + "' is of "
                                        + found.format().name()
                                        + ", which cannot be tuned",
                                "convert the model to F32, F16 or BF16");
                    }
                });
    }

    /** What a configuration is silent about, where a shape that differs follows from it. */
    private String taken(List<Long> wanted, List<Long> found) {
        if (!(architecture instanceof ListedArchitecture listed)) {
            return "";
        }
        return listed.fields().filledIn(config).entrySet().stream()
                .filter(field ->
                        field.getValue() instanceof Long usual
                                && wanted.contains(usual)
                                && !found.contains(usual))
                .map(field ->
                        ": it has no '"
                                + field.getKey()
                                + "', which is then "
                                + field.getValue()
                                + ", as for the library's class")
                .findFirst()
                .orElse("");
    }

    private BadInputException missing(String tensor) {
        if (tensors().keySet().stream().anyMatch(name -> name.contains(".lora_A."))) {
            return new BadInputException(
                    directory.toString(),
                    "tensor '" + tensor + "' is missing, and there are factors of a LoRA",
                    "merge them before saving: merge_and_unload().save_pretrained(...)");
        }
        return new BadInputException(
                directory.toString(),
                "tensor '" + Slices.whole(tensor) + "' is missing",
                "use the weights and the config.json of one publication");
    }

    /**
     * A stored copy of a tied head must be the embedding, or the model's output would be unclear.
     */
    private void checkHeadCopies() {
        for (String name : headCopies) {
            TensorInfo embedding = tensors().get(program.tied().orElseThrow());
            TensorInfo copy = tensors().get(name);
            if (!copy.shape().equals(embedding.shape())
                    || !copy.format().equals(embedding.format())
                    || !sameBytes(copy, embedding)) {
                throw new BadInputException(
                        copy.file().toString(),
                        "tensor '"
                                + name
                                + "' differs from '"
                                + embedding.name()
                                + "' although the configuration ties them",
                        "set tie_word_embeddings to false in config.json, or remove the tensor");
            }
        }
    }

    private boolean sameBytes(TensorInfo left, TensorInfo right) {
        if (left.file().equals(right.file()) && left.offsetBytes() == right.offsetBytes()) {
            return true; // two views of one storage
        }
        long chunk = Math.min(STAGING_BYTES / 2, Math.max(left.sizeBytes(), 1));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocate(chunk);
            MemorySegment other = arena.allocate(chunk);
            for (long done = 0; done < left.sizeBytes(); done += chunk) {
                long part = Math.min(chunk, left.sizeBytes() - done);
                weights.read(left, done, one.asSlice(0, part));
                weights.read(right, done, other.asSlice(0, part));
                if (one.asSlice(0, part).mismatch(other.asSlice(0, part)) >= 0) {
                    return false;
                }
            }
            return true;
        }
    }

    /** The folder. */
    public Path directory() {
        return directory;
    }

    /** Its {@code config.json}. */
    public ModelConfig config() {
        return config;
    }

    /** The family that the configuration names. */
    public Architecture architecture() {
        return architecture;
    }

    /** What the model computes, with the names of this folder's tensors. */
    public ModelProgram program() {
        return program;
    }

    /** Every tensor that the files hold, by name, buffers and copies too. */
    public Map<String, TensorInfo> tensors() {
        return weights.tensors();
    }

    /**
     * Tensors that are neither weights nor known buffers: copied to what is written, never used.
     */
    public List<String> ignoredTensors() {
        return ignored;
    }

    /** Stored copies of a tied head, which follow the embedding in what is written. */
    public List<String> headCopies() {
        return headCopies;
    }

    /**
     * Whether what is written after this model has a tensor. Of PyTorch's files go buffers and
     * copies of a tied head, as {@code save_pretrained} leaves them out where it writes
     * safetensors.
     */
    public boolean isWritten(String tensor) {
        return weights.form() != WeightForm.TORCH
                || layout.find(tensor).isPresent()
                || !(headCopies.contains(tensor) || architecture.isBuffer(tensor));
    }

    /** The blocks with every tensor in the dtype that the files have. */
    public ModelLayout layout() {
        return layout;
    }

    /**
     * The blocks with every plain tensor that may be trained in one dtype; others stay as the files
     * have them.
     */
    public ModelLayout layout(DType storage) {
        if (!storage.isTrainable()) {
            throw new IllegalArgumentException("weights cannot be stored as " + storage);
        }
        // What no run trains is no matter of a run's dtype either.
        Set<String> fixed =
                ProgramTensors.of(program)
                        .all()
                        .filter(tensor -> !tensor.isTrainable())
                        .map(TensorSpec::name)
                        .collect(Collectors.toSet());
        return ModelLayout.of(
                program,
                name -> {
                    TensorFormat stored = tensors().get(name).format();
                    return stored instanceof DType && !fixed.contains(name) ? storage : stored;
                });
    }

    /**
     * The blocks with all that is quantised written out, in the dtype that the configuration names,
     * or bfloat16 where it names none: what {@link PackedSource} gives.
     */
    public ModelLayout plainLayout() {
        DType dtype = config.dtype().orElse(DType.BF16);
        return ModelLayout.of(
                program,
                name -> {
                    TensorFormat stored = tensors().get(name).format();
                    return stored instanceof DType ? stored : dtype;
                });
    }

    /** Reads a block as the files have it, laid out as {@link #layout()} says. */
    public void readBlock(int block, MemorySegment dst) {
        readBlock(layout.block(block), dst);
    }

    /**
     * Reads a block in the dtypes of a layout, rounding to nearest even where they are narrower.
     * Bytes between tensors become 0, so that equal weights make equal blocks, and so do states,
     * which no model has.
     *
     * @param block one of {@link #layout(DType)}'s, with states or without
     * @param dst at least the block's size
     * @throws BadInputException when a value does not fit the narrower dtype
     */
    public void readBlock(BlockLayout block, MemorySegment dst) {
        readBlock(block, dst, () -> {});
    }

    /**
     * The same, telling how it gets on.
     *
     * @param block one of {@link #layout(DType)}'s
     * @param dst at least the block's size
     * @param progress runs after each few megabytes
     */
    public void readBlock(BlockLayout block, MemorySegment dst, Runnable progress) {
        long end = 0;
        for (TensorSlot slot : block.tensors()) {
            dst.asSlice(end, slot.offsetBytes() - end).fill((byte) 0);
            end = slot.offsetBytes() + slot.sizeBytes();
            readVerified(slot, dst.asSlice(slot.offsetBytes(), slot.sizeBytes()), progress);
        }
        dst.asSlice(end, block.sizeBytes() - end).fill((byte) 0);
    }

    private void readVerified(TensorSlot slot, MemorySegment dst, Runnable progress) {
        TensorInfo stored = stored(slot);
        if (stored.parts().isEmpty() || slot.isPlain()) {
            VerifiedRead.of(stored, slot.label(), checksums, () -> readWhole(slot, dst, progress));
            return;
        }
        long before = 0;
        for (TensorInfo part : stored.parts()) {
            MemorySegment place = dst.asSlice(before, part.sizeBytes());
            VerifiedRead.of(part, part.name(), checksums, () -> readPiece(part, place, progress));
            before += part.sizeBytes();
        }
    }

    /** Reads a tensor; the CRC-32C of what is stored. */
    private int readWhole(TensorSlot slot, MemorySegment dst, Runnable progress) {
        CRC32C crc = new CRC32C();
        for (long done = 0; done < slot.sizeBytes(); done += PIECE_BYTES) {
            long part = Math.min(PIECE_BYTES, slot.sizeBytes() - done);
            readPart(slot, done, dst.asSlice(done, part), crc);
            progress.run();
        }
        return (int) crc.getValue();
    }

    /** Reads one of a packed matrix's arrays; its CRC-32C. */
    private int readPiece(TensorInfo piece, MemorySegment dst, Runnable progress) {
        CRC32C crc = new CRC32C();
        for (long done = 0; done < piece.sizeBytes(); done += PIECE_BYTES) {
            MemorySegment part = dst.asSlice(done, Math.min(PIECE_BYTES, piece.sizeBytes() - done));
            weights.read(piece, done, part);
            crc.update(part.asByteBuffer());
            progress.run();
        }
        return (int) crc.getValue();
    }

    /**
     * Reads a part of one tensor in a slot's dtype.
     *
     * @param slot one of a layout of this checkpoint
     * @param offsetBytes where the part begins in the slot; at a whole element
     * @param dst filled whole
     */
    public void readTensor(TensorSlot slot, long offsetBytes, MemorySegment dst) {
        readPart(slot, offsetBytes, dst, new CRC32C());
    }

    private void readPart(TensorSlot slot, long offsetBytes, MemorySegment dst, CRC32C crc) {
        TensorInfo stored = stored(slot);
        if (stored.format().equals(slot.format())) {
            weights.read(stored, slot.firstByte() + offsetBytes, dst);
            crc.update(dst.asByteBuffer());
            return;
        }
        long elements = dst.byteSize() / slot.dtype().sizeBytes();
        long first = slot.firstElement() + offsetBytes / slot.dtype().sizeBytes();
        int width = stored.dtype().sizeBytes();
        long chunk = Math.max(1, Math.min(elements, STAGING_BYTES / width));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment staging = arena.allocate(chunk * width, BlockLayout.ALIGNMENT);
            for (long done = 0; done < elements; done += chunk) {
                long part = Math.min(chunk, elements - done);
                MemorySegment source = staging.asSlice(0, part * width);
                weights.read(stored, (first + done) * width, source);
                crc.update(source.asByteBuffer());
                MemorySegment target =
                        dst.asSlice(
                                done * slot.dtype().sizeBytes(), part * slot.dtype().sizeBytes());
                Elements.convert(source, stored.dtype(), target, slot.dtype(), part);
                checkFinite(stored, slot.dtype(), first + done, target);
            }
        }
    }

    /**
     * Reads all weights once: their fingerprint, and the check that each is a number. From then on
     * whole blocks are held to the checksums that were found.
     *
     * @throws BadInputException when a weight is infinite or not a number
     */
    public WeightScan scan() {
        List<TensorInfo> used = new ArrayList<>();
        List<TensorSlot> panels = new ArrayList<>();
        for (BlockLayout block : layout.inPanels(program).blocks()) {
            for (TensorSlot slot : block.tensors()) {
                if (slot.isFirst()) {
                    used.add(tensors().get(slot.name()));
                }
                if (slot.panel().isPresent()) {
                    panels.add(slot);
                }
            }
        }
        WeightScan scan =
                new WeightScanner(weights, panels, RowTable.find(program, layout)).scan(used);
        expect(scan);
        return scan;
    }

    /** Holds blocks that are read from now on to a scan of the same files. */
    public void expect(WeightScan scan) {
        checksums = scan.checksums();
        rowChecksums = scan.rows();
    }

    /** Those of the rows of a table that may be read alone, once all were scanned. */
    public Optional<RowChecksums> rowChecksums() {
        return rowChecksums;
    }

    /** CRC-32C of a tensor's or panel's stored bytes, once all were scanned. */
    public OptionalInt checksum(String label) {
        Integer known = checksums.get(label);
        return known == null ? OptionalInt.empty() : OptionalInt.of(known);
    }

    /** Refuses elements that are not finite; {@code first} is the index of the segment's first. */
    static void checkFinite(
            TensorInfo tensor, UnitFormat format, long first, MemorySegment elements) {
        long at = Elements.firstNonFinite(elements, format);
        if (at >= 0) {
            boolean converted = !format.equals(tensor.format());
            String as =
                    converted && format instanceof DType dtype
                            ? " when stored as " + dtype.torchName()
                            : "";
            throw new BadInputException(
                    tensor.file().toString(),
                    "tensor '"
                            + tensor.name()
                            + "' has "
                            + Elements.get(elements, format, at)
                            + " at element "
                            + (first + at)
                            + as,
                    converted
                            ? "choose a dtype that holds it, such as bfloat16 or float32"
                            : "use weights that are finite numbers");
        }
    }

    /** Where a slot's bytes are: a tensor of the model, or the scales of one that is packed. */
    private TensorInfo stored(TensorSlot slot) {
        TensorInfo whole = tensors().get(slot.name());
        return whole != null ? whole : scales.get(slot.name());
    }

    /** The files that hold the weights, for what is written after them. */
    public WeightFiles weights() {
        return weights;
    }

    /** Closes the files; a second call does nothing. */
    @Override
    public void close() {
        weights.close();
    }
}
