package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.ScaledBytesFormat;
import io.millrace.model.quantized.format.TableFormat;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** bitsandbytes: NF4 and FP4 (arXiv 2305.14314), and the weights of LLM.int8 (2208.07339). */
final class BitsandbytesMethod implements QuantMethod {
    private static final String STATE = "weight.quant_state.bitsandbytes__";
    private static final String SKIPPED = "llm_int8_skip_modules";

    private static final Set<String> KNOWN =
            Set.of(
                    "quant_method",
                    "load_in_4bit",
                    "load_in_8bit",
                    "_load_in_4bit",
                    "_load_in_8bit",
                    "bnb_4bit_quant_type",
                    "bnb_4bit_use_double_quant",
                    "bnb_4bit_quant_storage",
                    SKIPPED,
                    // How others compute with it.
                    "bnb_4bit_compute_dtype",
                    "llm_int8_threshold",
                    "llm_int8_enable_fp32_cpu_offload",
                    "llm_int8_has_fp16_weight");

    @Override
    public String name() {
        return "bitsandbytes";
    }

    @Override
    public List<QuantLayout> layouts() {
        return List.of(
                new QuantLayout(
                        "NF4 and FP4 in blocks",
                        "`weight`, `weight.absmax`, `weight.quant_map`, `weight.quant_state.…`",
                        ""),
                new QuantLayout(
                        "the same with double quantisation",
                        "also `weight.nested_absmax`, `weight.nested_quant_map`",
                        ""),
                new QuantLayout(
                        "int8, a scale an output",
                        "`weight`, `SCB`",
                        "other than row by row (`weight_format`)"));
    }

    @Override
    public void assemble(QuantFields fields, StoredParts stored) {
        fields.requireKnown(KNOWN);
        for (String type : List.of("nf4", "fp4")) {
            for (String module : stored.modules(STATE + type)) {
                stored.put(module, table(stored, module, type));
            }
        }
        for (String module : stored.modules("SCB")) {
            stored.put(module, bytes(stored, module));
        }
        stored.requirePlain(SKIPPED, fields.texts(SKIPPED));
    }

    private static TableFormat table(StoredParts stored, String module, String type) {
        TensorInfo stateTensor = stored.part(module, STATE + type);
        QuantFields state = state(stored, stateTensor);
        List<Integer> shape = state.integers("shape");
        if (shape.size() != 2 || shape.get(0) < 1 || shape.get(1) < 1) {
            throw state.bad("shape", "is " + shape, "quantise the model again");
        }
        int blockSize = positive(state, "blocksize", 64);
        state.require("quant_type", state.text("quant_type", type), List.of(type));
        TensorInfo codes = stored.part(module, "weight");
        DType storage = stored.dtype(codes, DType.U8, DType.I8, DType.BF16, DType.F16, DType.F32);
        long elements = (long) shape.get(0) * shape.get(1);
        long width = storage.sizeBytes();
        if (codes.sizeBytes() != ((elements + 1) / 2 + width - 1) / width * width) {
            throw stored.bad(codes, "has " + codes.sizeBytes() + " bytes for a matrix of " + shape);
        }
        TableFormat.Nested nested = TableFormat.Nested.NONE;
        if (stored.find(module, "weight.nested_absmax").isPresent()) {
            state.require(
                    "nested_dtype", state.text("nested_dtype", "float32"), List.of("float32"));
            nested =
                    new TableFormat.Nested(
                            positive(state, "nested_blocksize", 256),
                            (float) state.number("nested_offset", 0));
        }
        return new TableFormat(
                shape.get(0),
                shape.get(1),
                blockSize,
                new TableFormat.Storage(storage, codes.shape()),
                nested,
                new TableFormat.State(STATE + type, stateTensor.sizeBytes()));
    }

    private static int positive(QuantFields state, String field, int otherwise) {
        int value = state.integer(field, otherwise);
        if (value < 1) {
            throw state.bad(field, "is " + value, "quantise the model again");
        }
        return value;
    }

    private static QuantFields state(StoredParts stored, TensorInfo tensor) {
        stored.dtype(tensor, DType.U8);
        byte[] text = stored.bytes(tensor).toArray(ValueLayout.JAVA_BYTE);
        try {
            return new QuantFields(
                    tensor.file().toString(),
                    tensor.name() + ".",
                    Json.parseObject(new String(text, StandardCharsets.UTF_8)));
        } catch (JsonFormatException e) {
            throw stored.bad(tensor, "is not valid JSON: " + e.getMessage());
        }
    }

    private static ScaledBytesFormat bytes(StoredParts stored, String module) {
        TensorInfo codes = stored.part(module, "weight");
        stored.dtype(codes, DType.I8);
        int rows = stored.extent(codes, 2, 0);
        int columns = stored.extent(codes, 2, 1);
        Optional<TensorInfo> layout = stored.find(module, "weight_format");
        if (layout.isPresent()
                && stored.bytes(layout.get()).toArray(ValueLayout.JAVA_BYTE)[0] != 0) {
            throw stored.bad(layout.get(), "says that it is not stored row by row");
        }
        ScaledBytesFormat.ScalePart scales =
                new ScaledBytesFormat.ScalePart("SCB", DType.F32, List.of((long) rows));
        return new ScaledBytesFormat(rows, columns, DType.I8, scales, 1, columns, false);
    }
}
