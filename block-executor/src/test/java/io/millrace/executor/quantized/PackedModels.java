package io.millrace.executor.quantized;

import io.millrace.executor.Golden;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorPart;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.Elements;
import io.millrace.model.file.GgufFile;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Models whose products are packed, and the same with what the codes mean written out. */
final class PackedModels {
    private static final String WEIGHTS = "model.safetensors";

    private PackedModels() {}

    /** How a matrix of so many rows and columns is packed. */
    interface Packing {
        PackedFormat of(int rows, int columns);
    }

    /** Folders of one model. */
    record Pair(Path packed, Path plain) {}

    /**
     * Writes both.
     *
     * @param temp where
     * @param kind a golden configuration
     * @param packing of the products of its layers
     * @param fields of {@code quantization_config}
     */
    static Pair write(Path temp, String kind, Packing packing, Map<String, Object> fields)
            throws IOException {
        Path made = temp.resolve("made");
        Map<String, Object> config =
                new LinkedHashMap<>(Golden.json(kind + "/config.json").fields());
        config.put("num_hidden_layers", 2L);
        config.put("intermediate_size", 128L);
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(config)), DType.F32, 7, made, _ -> {});
        Pair pair =
                new Pair(
                        Files.createDirectory(temp.resolve("packed")),
                        Files.createDirectory(temp.resolve("plain")));
        Files.copy(made.resolve("config.json"), pair.plain.resolve("config.json"));
        config.put("quantization_config", fields);
        Files.writeString(pair.packed.resolve("config.json"), Json.write(config));
        try (SafetensorsFile file = SafetensorsFile.open(made.resolve(WEIGHTS))) {
            Map<SafetensorsWriter.Entry, byte[]> packed = new LinkedHashMap<>();
            Map<SafetensorsWriter.Entry, byte[]> plain = new LinkedHashMap<>();
            Random random = new Random(3);
            for (TensorInfo tensor : file.tensors().values()) {
                byte[] bytes = new byte[(int) tensor.sizeBytes()];
                file.read(tensor, MemorySegment.ofArray(bytes));
                if (!tensor.name().contains("_proj.weight")) {
                    packed.put(entry(tensor), bytes);
                    plain.put(entry(tensor), bytes);
                    continue;
                }
                PackedFormat format =
                        packing.of(
                                tensor.shape().get(0).intValue(), tensor.shape().get(1).intValue());
                MemorySegment parts =
                        MemorySegment.ofArray(new byte[(int) format.bytes(tensor.shape())]);
                String module =
                        tensor.name().substring(0, tensor.name().length() - ".weight".length());
                for (int i = 0; i < format.parts().size(); i++) {
                    TensorPart part = format.parts().get(i);
                    byte[] filled =
                            part.suffix().contains("quant_state")
                                    ? state(format.rows(), format.columns())
                                    : part.suffix().equals("weight_shape")
                                            ? longs(tensor.shape())
                                            : fill(part, random);
                    MemorySegment.copy(
                            MemorySegment.ofArray(filled),
                            0,
                            parts,
                            format.partOffset(i),
                            filled.length);
                    packed.put(
                            new SafetensorsWriter.Entry(
                                    module + "." + part.suffix(), part.dtype(), part.shape()),
                            filled);
                }
                float[] values = new float[(int) tensor.elementCount()];
                format.load(parts, 0, 0, values, 0, values.length);
                MemorySegment.copy(
                        MemorySegment.ofArray(values),
                        0,
                        MemorySegment.ofArray(bytes),
                        0,
                        bytes.length);
                plain.put(entry(tensor), bytes);
            }
            write(pair.packed, packed);
            write(pair.plain, plain);
        }
        return pair;
    }

    /** The configuration of compressed-tensors. */
    static Map<String, Object> compressed(String format, Map<String, Object> weights) {
        return Map.of(
                "quant_method",
                "compressed-tensors",
                "format",
                format,
                "config_groups",
                Map.of("group_0", Map.of("targets", List.of("Linear"), "weights", weights)));
    }

    /** What bitsandbytes says of a matrix. */
    static byte[] state(int rows, int columns) {
        return Json.write(
                        Map.of(
                                "quant_type",
                                "nf4",
                                "blocksize",
                                64L,
                                "shape",
                                List.of((long) rows, (long) columns)))
                .getBytes(StandardCharsets.UTF_8);
    }

    static byte[] longs(List<Long> values) {
        byte[] bytes = new byte[8 * values.size()];
        for (int i = 0; i < values.size(); i++) {
            MemorySegment.ofArray(bytes).set(Elements.LONG, 8L * i, values.get(i));
        }
        return bytes;
    }

    /** What a GGUF file means, as a folder of float32. */
    static Path plain(Path folder, Path gguf) throws IOException {
        Files.createDirectory(folder);
        Map<SafetensorsWriter.Entry, byte[]> tensors = new LinkedHashMap<>();
        try (GgufFile file = GgufFile.open(gguf)) {
            Map<String, Object> config = new LinkedHashMap<>(file.config());
            config.put("torch_dtype", "float32");
            Files.writeString(folder.resolve("config.json"), Json.write(config));
            for (TensorInfo tensor : file.tensors().values()) {
                MemorySegment stored = MemorySegment.ofArray(new byte[(int) tensor.sizeBytes()]);
                file.read(tensor, 0, stored);
                float[] values = new float[(int) tensor.elementCount()];
                tensor.format().load(stored, 0, 0, values, 0, values.length);
                byte[] bytes = new byte[4 * values.length];
                MemorySegment.copy(
                        MemorySegment.ofArray(values),
                        0,
                        MemorySegment.ofArray(bytes),
                        0,
                        bytes.length);
                tensors.put(
                        new SafetensorsWriter.Entry(tensor.name(), DType.F32, tensor.shape()),
                        bytes);
            }
        }
        write(folder, tensors);
        return folder;
    }

    private static SafetensorsWriter.Entry entry(TensorInfo tensor) {
        return new SafetensorsWriter.Entry(tensor.name(), tensor.format(), tensor.shape());
    }

    static void write(Path folder, Map<SafetensorsWriter.Entry, byte[]> tensors) {
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(
                        folder.resolve(WEIGHTS),
                        SafetensorsWriter.PT_METADATA,
                        new ArrayList<>(tensors.keySet()))) {
            tensors.forEach(
                    (entry, bytes) -> writer.write(entry.name(), MemorySegment.ofArray(bytes)));
            writer.commit();
        }
    }

    /** Bytes that a part may have. */
    private static byte[] fill(TensorPart part, Random random) {
        byte[] bytes = new byte[(int) part.sizeBytes()];
        MemorySegment to = MemorySegment.ofArray(bytes);
        int count = bytes.length / part.dtype().sizeBytes();
        switch (part.role()) {
            case CODES, ZEROS -> {
                random.nextBytes(bytes);
                for (int i = 0; part.dtype() == DType.F8_E4M3 && i < count; i++) {
                    bytes[i] = (byte) (bytes[i] & 0xfe); // none that is no number
                }
            }
            case SCALES, RANGES, TABLE -> {
                for (int i = 0; i < count; i++) {
                    Elements.set(to, part.dtype(), i, 0.001f + 0.01f * random.nextFloat());
                }
            }
            case EXPONENTS -> {
                for (int i = 0; i < count; i++) {
                    to.set(ValueLayout.JAVA_BYTE, i, (byte) (118 + random.nextInt(4)));
                }
            }
            case GROUPS -> {
                for (int i = 0; i < count; i++) {
                    to.set(Elements.INT, 4L * i, random.nextInt(part.limit()));
                }
            }
        }
        return bytes;
    }
}
