package io.millrace.cli;

import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A LoRA folder as PEFT writes it, of which a test may change anything before it is written. */
final class TestAdapter {
    static final String CONFIG = "adapter_config.json";
    static final String WEIGHTS = "adapter_model.safetensors";
    static final int RANK = 4;

    private static final String Q =
            "base_model.model.model.layers.%d.self_attn.q_proj.lora_%s.weight";

    final Map<String, Object> config = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    private record Tensor(DType dtype, List<Long> shape, float[] values) {}

    /** Beside the q_proj of every layer, with values that are exact in 16 bits. */
    TestAdapter(int layers, int hidden) {
        config.put("peft_type", "LORA");
        config.put("r", (long) RANK);
        config.put("lora_alpha", 8L);
        config.put("target_modules", List.of("q_proj"));
        config.put("bias", "none");
        for (int layer = 0; layer < layers; layer++) {
            put(String.format(Q, layer, "A"), RANK, hidden);
            put(String.format(Q, layer, "B"), hidden, RANK);
        }
    }

    static String first(int layer) {
        return String.format(Q, layer, "A");
    }

    static String second(int layer) {
        return String.format(Q, layer, "B");
    }

    void put(String name, int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i % 7 - 3) / 64f;
        }
        tensors.put(name, new Tensor(DType.F32, List.of((long) rows, (long) columns), values));
    }

    void remove(String name) {
        tensors.remove(name);
    }

    void rename(String from, String to) {
        tensors.put(to, tensors.remove(from));
    }

    void set(String name, int element, float value) {
        tensors.get(name).values[element] = value;
    }

    void retype(String name, DType dtype) {
        Tensor tensor = tensors.get(name);
        tensors.put(name, new Tensor(dtype, tensor.shape, tensor.values));
    }

    Path write(Path folder) {
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve(CONFIG), Json.write(config));
            List<SafetensorsWriter.Entry> entries = new ArrayList<>();
            tensors.forEach((name, tensor) ->
                    entries.add(new SafetensorsWriter.Entry(name, tensor.dtype, tensor.shape)));
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            folder.resolve(WEIGHTS), SafetensorsWriter.PT_METADATA, entries)) {
                for (SafetensorsWriter.Entry entry : entries) {
                    byte[] bytes = new byte[(int) entry.sizeBytes()];
                    MemorySegment whole = MemorySegment.ofArray(bytes);
                    MemorySegment floats = MemorySegment.ofArray(tensors.get(entry.name()).values);
                    if (entry.format() == DType.F32) {
                        whole.copyFrom(floats);
                    }
                    writer.write(entry.name(), whole);
                }
                writer.commit();
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
