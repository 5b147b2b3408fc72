package io.millrace.executor.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.Elements;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Models whose products are rounded to the nearest of 4 bits, as the oracle of traces does it. */
public final class RoundedModels {
    private static final String WEIGHTS = "model.safetensors";
    private static final int BLOCK = 64;
    private static final int GROUP = 16;

    private static final float[] NF4 = {
        -1f,
        -0.6961928f,
        -0.52507305f,
        -0.3949175f,
        -0.28444138f,
        -0.18477343f,
        -0.091050036f,
        0f,
        0.0795803f,
        0.1609302f,
        0.2461123f,
        0.33791524f,
        0.44070983f,
        0.562617f,
        0.72295684f,
        1f
    };

    private final Map<SafetensorsWriter.Entry, byte[]> tensors = new LinkedHashMap<>();

    private RoundedModels() {}

    /**
     * Writes one.
     *
     * @param folder made
     * @param from a model of float32
     * @param kind {@code nf4} as bitsandbytes stores it, {@code int4} as compressed-tensors does
     */
    public static Path write(Path folder, Path from, String kind) throws IOException {
        RoundedModels made = new RoundedModels();
        Files.createDirectory(folder);
        try (SafetensorsFile file = SafetensorsFile.open(from.resolve(WEIGHTS))) {
            for (TensorInfo tensor : file.tensors().values()) {
                if (!tensor.name().contains("_proj.weight")) {
                    byte[] bytes = new byte[(int) tensor.sizeBytes()];
                    file.read(tensor, MemorySegment.ofArray(bytes));
                    made.put(tensor.name(), tensor.dtype(), tensor.shape(), bytes);
                    continue;
                }
                float[] values = file.readFloats(tensor.name());
                if (kind.equals("nf4")) {
                    made.nf4(tensor.name(), values, tensor.shape());
                } else {
                    String module = tensor.name().replaceAll("\\.weight$", "");
                    made.int4(module, values, tensor.shape());
                }
            }
        }
        Map<String, Object> config = new LinkedHashMap<>(fields(from.resolve("config.json")));
        config.put(
                "quantization_config",
                kind.equals("nf4")
                        ? Map.of("quant_method", "bitsandbytes", "load_in_4bit", true)
                        : PackedModels.compressed(
                                "pack-quantized",
                                Map.of("num_bits", 4L, "strategy", "group", "group_size", 16L)));
        Files.writeString(folder.resolve("config.json"), Json.write(config));
        PackedModels.write(folder, made.tensors);
        return folder;
    }

    private static Map<String, Object> fields(Path file) throws IOException {
        try {
            return Json.parseObject(Files.readString(file)).fields();
        } catch (JsonFormatException e) {
            throw new IOException(file.toString(), e);
        }
    }

    private void put(String name, DType dtype, List<Long> shape, byte[] bytes) {
        tensors.put(new SafetensorsWriter.Entry(name, dtype, shape), bytes);
    }

    private void nf4(String name, float[] values, List<Long> shape) {
        int blocks = (values.length + BLOCK - 1) / BLOCK;
        byte[] codes = new byte[values.length / 2];
        byte[] ranges = new byte[blocks * Float.BYTES];
        byte[] table = new byte[NF4.length * Float.BYTES];
        for (int block = 0; block < blocks; block++) {
            int end = Math.min(values.length, (block + 1) * BLOCK);
            float range = largest(values, block * BLOCK, end);
            set(ranges, DType.F32, block, range);
            for (int i = block * BLOCK; i < end; i++) {
                codes[i / 2] =
                        (byte)
                                (codes[i / 2]
                                        | nearest(values[i] / (double) range)
                                                << (i % 2 == 0 ? 4 : 0));
            }
        }
        for (int i = 0; i < NF4.length; i++) {
            set(table, DType.F32, i, NF4[i]);
        }
        byte[] state = PackedModels.state(shape.get(0).intValue(), shape.get(1).intValue());
        put(name, DType.U8, List.of((long) codes.length, 1L), codes);
        put(name + ".absmax", DType.F32, List.of((long) blocks), ranges);
        put(name + ".quant_map", DType.F32, List.of((long) NF4.length), table);
        put(name + ".quant_state.bitsandbytes__nf4", DType.U8, List.of((long) state.length), state);
    }

    private static int nearest(double value) {
        int nearest = 0;
        for (int code = 1; code < NF4.length; code++) {
            if (Math.abs(value - NF4[code]) < Math.abs(value - NF4[nearest])) {
                nearest = code;
            }
        }
        return nearest;
    }

    private void int4(String module, float[] values, List<Long> shape) {
        int rows = shape.get(0).intValue();
        int groups = values.length / GROUP;
        byte[] codes = new byte[values.length / 2];
        byte[] scales = new byte[groups * Short.BYTES];
        for (int group = 0; group < groups; group++) {
            float largest = largest(values, group * GROUP, (group + 1) * GROUP);
            // NumPy rounds a double once; so does this, where the float32 between is no tie.
            float scale = Float.float16ToFloat(Float.floatToFloat16((float) (largest / 7.0)));
            set(scales, DType.F16, group, scale);
            for (int i = group * GROUP; i < (group + 1) * GROUP; i++) {
                int code = (int) Math.clamp(Math.rint(values[i] / (double) scale), -8, 7) + 8;
                codes[i / 2] = (byte) (codes[i / 2] | code << (i % 2 == 0 ? 0 : 4));
            }
        }
        long columns = shape.get(1);
        put(module + ".weight_packed", DType.I32, List.of((long) rows, columns / 8), codes);
        put(module + ".weight_scale", DType.F16, List.of((long) rows, columns / GROUP), scales);
        put(module + ".weight_shape", DType.I64, List.of(2L), PackedModels.longs(shape));
    }

    private static float largest(float[] values, int from, int to) {
        float largest = 0;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }

    private static void set(byte[] bytes, DType dtype, int index, float value) {
        Elements.set(MemorySegment.ofArray(bytes), dtype, index, value);
    }
}
