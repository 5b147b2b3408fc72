package io.millrace.model.synthetic;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.ModelFolderWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.ProgramTensors;
import io.millrace.model.architecture.known.Architectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.Elements;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.quantize.Hash64;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.quantize.QuantMatrix;
import io.millrace.model.quantize.RandomCodes;
import io.millrace.model.spec.TensorSpec;
import io.millrace.telemetry.json.Json;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Makes checkpoints of a configuration's true shapes with random weights, as an untrained model has
 * them: matrices normal, norms 1, biases 0. The same seed makes the same bytes.
 */
public final class SyntheticModel {
    private static final long SHARD_BYTES = 5_000_000_000L;
    private static final int BUFFER_BYTES = 4 << 20;
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private final ModelLayout layout;
    private final Map<String, TensorSpec.Initial> initials = new LinkedHashMap<>();
    private final int[] noise;
    private final DType dtype;
    private final double deviation;
    private final Optional<Packing> packing;
    private final Map<String, QuantMatrix> packed = new LinkedHashMap<>();
    private final List<String> plain;
    private final long seed;

    /**
     * How matrices of layers are stored, where not as the rest is.
     *
     * @param form the form
     * @param group elements of a row that share a scale
     */
    public record Packing(QuantForm form, int group) {}

    private SyntheticModel(ModelConfig config, DType dtype, Optional<Packing> packing, long seed) {
        ModelProgram program = Architectures.of(config).program(config, Set.of());
        this.layout = ModelLayout.of(program, dtype);
        this.dtype = dtype;
        this.packing = packing;
        this.seed = seed;
        plain = QuantMatrix.left(program);
        packing.ifPresent(one ->
                QuantMatrix.of(program)
                        .forEach(matrix -> {
                            one.form().check(matrix, one.group(), QuantForm.Asked.FORMAT);
                            packed.put(matrix.tensor(), matrix);
                        }));
        ProgramTensors.of(program)
                .all()
                .forEach(tensor -> initials.put(tensor.name(), tensor.initial()));
        deviation =
                config.positiveNumber("initializer_range", config.positiveNumber("init_std", 0.02));
        this.noise = noise(dtype, (float) deviation);
    }

    /**
     * Writes a folder with {@code config.json} and weights, in shards of 5 GB where they are large.
     *
     * @param config the shapes
     * @param dtype how weights are stored
     * @param seed of the weights
     * @param directory made where it does not exist
     * @param progress called now and then with the bytes written since the last call
     * @return the parameter count
     * @throws io.millrace.memory.BadInputException when the configuration is not supported or the
     *     folder cannot take the weights
     */
    public static long write(
            ModelConfig config, DType dtype, long seed, Path directory, LongConsumer progress) {
        return write(config, dtype, Optional.empty(), seed, directory, progress).parameters();
    }

    /**
     * What was written.
     *
     * @param parameters numbers of the model
     * @param bytes of its tensors
     */
    public record Written(long parameters, long bytes) {}

    /**
     * The same where matrices of layers may be stored in fewer bits.
     *
     * @param config the shapes
     * @param dtype how all else is stored
     * @param packing how these are; as the rest where empty
     * @param seed of the weights
     * @param directory made where it does not exist
     * @param progress called now and then with the bytes written since the last call
     * @throws io.millrace.memory.BadInputException when the configuration is not supported, a
     *     matrix cannot be stored so, or the folder cannot take the weights
     */
    public static Written write(
            ModelConfig config,
            DType dtype,
            Optional<Packing> packing,
            long seed,
            Path directory,
            LongConsumer progress) {
        SyntheticModel model = new SyntheticModel(config, dtype, packing, seed);
        long parameters = model.write(config, directory, SHARD_BYTES, progress);
        return new Written(parameters, model.bytes());
    }

    static long write(ModelConfig config, DType dtype, long seed, Path directory, long shardBytes) {
        return new SyntheticModel(config, dtype, Optional.empty(), seed)
                .write(config, directory, shardBytes, bytes -> {});
    }

    private long write(ModelConfig config, Path directory, long shardBytes, LongConsumer progress) {
        ModelFolderWriter.checkEmpty(directory);
        List<ModelFolderWriter.Shard> shards = shards(shardBytes);
        Map<String, byte[]> sideFiles = new LinkedHashMap<>();
        sideFiles.put("config.json", json(configFields(config)));
        if (shards.size() > 1) {
            sideFiles.put(WeightFiles.INDEX, json(index(shards)));
        }
        try (ModelFolderWriter folder =
                        ModelFolderWriter.create(
                                DurableFiles.system(), directory, shards, sideFiles);
                Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, BlockLayout.ALIGNMENT);
            for (BlockLayout block : layout.blocks()) {
                for (TensorSlot slot : block.tensors()) {
                    write(folder, slot, buffer, progress);
                }
            }
            folder.commit();
        }
        return layout.elementCount();
    }

    private List<ModelFolderWriter.Shard> shards(long shardBytes) {
        List<List<SafetensorsWriter.Entry>> groups = new ArrayList<>();
        long filled = 0;
        List<SafetensorsWriter.Entry> parts = new ArrayList<>();
        for (BlockLayout block : layout.blocks()) {
            for (TensorSlot slot : block.tensors()) {
                parts.addAll(entries(slot));
            }
        }
        for (SafetensorsWriter.Entry tensor : SafetensorsWriter.Entry.whole(parts)) {
            if (groups.isEmpty() || filled + tensor.sizeBytes() > shardBytes) {
                groups.add(new ArrayList<>());
                filled = 0;
            }
            filled += tensor.sizeBytes();
            groups.getLast().add(tensor);
        }
        List<ModelFolderWriter.Shard> shards = new ArrayList<>();
        for (List<SafetensorsWriter.Entry> group : groups) {
            String name =
                    groups.size() == 1
                            ? WeightFiles.SINGLE
                            : String.format(
                                    "model-%05d-of-%05d.safetensors",
                                    shards.size() + 1, groups.size());
            shards.add(new ModelFolderWriter.Shard(name, SafetensorsWriter.PT_METADATA, group));
        }
        return shards;
    }

    private List<SafetensorsWriter.Entry> entries(TensorSlot slot) {
        return packed.containsKey(slot.name())
                ? packing.orElseThrow()
                        .form()
                        .entries(packed.get(slot.name()), packing.get().group(), dtype)
                : List.of(new SafetensorsWriter.Entry(slot.name(), slot.dtype(), slot.shape()));
    }

    private static long bytes(List<SafetensorsWriter.Entry> entries) {
        return entries.stream().mapToLong(SafetensorsWriter.Entry::sizeBytes).sum();
    }

    private long bytes() {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .mapToLong(slot -> bytes(entries(slot)))
                .sum();
    }

    private Map<String, Object> configFields(ModelConfig config) {
        Map<String, Object> fields = new LinkedHashMap<>(config.json().fields());
        if (fields.containsKey("dtype")) {
            fields.put("dtype", dtype.torchName());
        } else {
            fields.put("torch_dtype", dtype.torchName());
        }
        packing.ifPresent(one ->
                fields.put("quantization_config", one.form().configuration(one.group(), plain)));
        return fields;
    }

    private Map<String, Object> index(List<ModelFolderWriter.Shard> shards) {
        Map<String, Object> weightMap = new LinkedHashMap<>();
        for (ModelFolderWriter.Shard shard : shards) {
            shard.tensors().forEach(tensor -> weightMap.put(tensor.name(), shard.fileName()));
        }
        Map<String, Object> index = new LinkedHashMap<>();
        index.put("metadata", Map.of("total_size", bytes()));
        index.put("weight_map", weightMap);
        return index;
    }

    private static byte[] json(Map<String, Object> fields) {
        return Json.writePretty(fields).getBytes(StandardCharsets.UTF_8);
    }

    private void write(
            ModelFolderWriter folder,
            TensorSlot slot,
            MemorySegment buffer,
            LongConsumer progress) {
        long tensorSeed = Hash64.mix(seed + Hash64.mix(slot.tensorId() + 1L));
        if (packed.containsKey(slot.name())) {
            Packing how = packing.orElseThrow();
            RandomCodes random = new RandomCodes(folder::write, buffer, tensorSeed, progress);
            QuantMatrix matrix = packed.get(slot.name());
            how.form().make(matrix, how.group(), dtype, deviation, random);
            return;
        }
        TensorSpec.Initial initial = initials.get(slot.name());
        long elements = buffer.byteSize() / dtype.sizeBytes();
        for (long done = 0; done < slot.elementCount(); done += elements) {
            long count = Math.min(elements, slot.elementCount() - done);
            MemorySegment part = buffer.asSlice(0, count * dtype.sizeBytes());
            switch (initial) {
                case ZERO, BUFFER -> part.fill((byte) 0);
                case ONE -> {
                    for (long i = 0; i < count; i++) {
                        Elements.set(part, dtype, i, 1);
                    }
                }
                case NOISE -> fillNoise(part, tensorSeed, done, count);
                case FAN_IN, WINDOWS, NORMAL, EMBEDDINGS, ACTIVATIONS ->
                        throw new IllegalStateException(slot.name() + " is no model's tensor");
            }
            folder.write(slot.name(), done * dtype.sizeBytes(), part);
            progress.accept(part.byteSize());
        }
    }

    /**
     * Element e is the quantile that 16 bits of the hash of e / 4 choose; first is a multiple of 4.
     */
    private void fillNoise(MemorySegment part, long tensorSeed, long first, long count) {
        long whole = count & ~3L;
        boolean narrow = dtype.sizeBytes() == 2;
        for (long i = 0; i < whole; i += 4) {
            long hash = Hash64.mix(tensorSeed + ((first + i) >>> 2) * GOLDEN_GAMMA);
            long a = noise[(int) (hash & 0xFFFF)] & 0xFFFF_FFFFL;
            long b = noise[(int) ((hash >>> 16) & 0xFFFF)] & 0xFFFF_FFFFL;
            long c = noise[(int) ((hash >>> 32) & 0xFFFF)] & 0xFFFF_FFFFL;
            long d = noise[(int) (hash >>> 48)] & 0xFFFF_FFFFL;
            if (narrow) {
                part.set(Elements.LONG, i * 2, a | (b << 16) | (c << 32) | (d << 48));
            } else {
                part.set(Elements.LONG, i * 4, a | (b << 32));
                part.set(Elements.LONG, i * 4 + 8, c | (d << 32));
            }
        }
        long hash = Hash64.mix(tensorSeed + ((first + whole) >>> 2) * GOLDEN_GAMMA);
        for (long i = whole; i < count; i++, hash >>>= 16) {
            int bits = noise[(int) (hash & 0xFFFF)];
            if (narrow) {
                part.set(Elements.SHORT, i * 2, (short) bits);
            } else {
                part.set(Elements.INT, i * 4, bits);
            }
        }
    }

    /** The bits of each quantile in the dtype. */
    private static int[] noise(DType dtype, float deviation) {
        float[] quantiles = NormalQuantiles.table();
        MemorySegment one = MemorySegment.ofArray(new int[1]);
        int[] bits = new int[quantiles.length];
        for (int i = 0; i < bits.length; i++) {
            Elements.set(one, dtype, 0, deviation * quantiles[i]);
            bits[i] =
                    dtype.sizeBytes() == 2
                            ? Short.toUnsignedInt(one.get(Elements.SHORT, 0))
                            : one.get(Elements.INT, 0);
        }
        return bits;
    }
}
