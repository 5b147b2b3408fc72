package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The JSON at the head of a safetensors file, believed only after every claim has been checked
 * against the file's size and against the other tensors.
 *
 * @param tensors by name, in the header's order
 * @param metadata the {@code __metadata__} strings, empty where there are none
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
    static final String METADATA = "__metadata__";

    /** The format's own limit, which keeps a lying length from exhausting the heap. */
    static final long MAX_BYTES = 100_000_000;

    private static final String DAMAGED = "download or write the file again";

    SafetensorsHeader {
        tensors = Collections.unmodifiableMap(tensors);
        metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * Checks the length that the first eight bytes promise.
     *
     * @return that length as an int
     */
    static int checkLength(Path file, long length, long fileBytes) {
        if (length < 0 || length > MAX_BYTES) {
            throw new BadInputException(
                    file.toString(),
                    "its header claims "
                            + Long.toUnsignedString(length)
                            + " bytes where the format allows "
                            + MAX_BYTES,
                    "check that it is a safetensors file, and " + DAMAGED);
        }
        if (length > fileBytes - Long.BYTES) {
            throw new BadInputException(
                    file.toString(),
                    "its header claims " + length + " bytes but the file has " + fileBytes,
                    "the file is cut short: " + DAMAGED);
        }
        return (int) length;
    }

    /**
     * Parses and checks.
     *
     * @param file named in messages and in every TensorInfo
     * @param header the JSON's bytes
     * @param dataStart where the tensors' bytes begin in the file
     * @param fileBytes the file's size
     */
    static SafetensorsHeader parse(Path file, byte[] header, long dataStart, long fileBytes) {
        JsonObject json = parseJson(file, header);
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (Map.Entry<String, Object> field : json.fields().entrySet()) {
            if (field.getKey().equals(METADATA)) {
                metadata.putAll(metadata(file, field.getValue()));
            } else {
                TensorInfo tensor =
                        tensor(file, field.getKey(), field.getValue(), dataStart, fileBytes);
                tensors.put(tensor.name(), tensor);
            }
        }
        checkCover(file, tensors.values(), dataStart, fileBytes);
        return new SafetensorsHeader(tensors, metadata);
    }

    private static JsonObject parseJson(Path file, byte[] header) {
        try {
            String text =
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(header)).toString();
            if (!text.startsWith("{")) {
                throw new BadInputException(
                        file.toString(),
                        "its header does not begin with '{'",
                        "check that it is a safetensors file, and " + DAMAGED);
            }
            return Json.parseObject(text);
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    file.toString(), "its header is not valid: " + e.getMessage(), DAMAGED);
        } catch (CharacterCodingException e) {
            throw new BadInputException(file.toString(), "its header is not UTF-8", DAMAGED);
        }
    }

    private static Map<String, String> metadata(Path file, Object value) {
        Map<String, String> metadata = new LinkedHashMap<>();
        if (!(value instanceof Map<?, ?> map)) {
            throw bad(file, METADATA, "is not an object");
        }
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (!(entry.getValue() instanceof String text)) {
                throw bad(file, METADATA, "has a value that is not a string: " + entry.getKey());
            }
            metadata.put(entry.getKey().toString(), text);
        }
        return metadata;
    }

    private static TensorInfo tensor(
            Path file, String name, Object value, long dataStart, long fileBytes) {
        if (!(value instanceof Map<?, ?> map)) {
            throw bad(file, name, "is not described by an object");
        }
        try {
            JsonObject json = JsonObject.of(map);
            DType dtype =
                    exactDtype(json.string("dtype"))
                            .orElseThrow(() ->
                                    bad(
                                            file,
                                            name,
                                            "has the unknown dtype '"
                                                    + json.string("dtype")
                                                    + "'"));
            List<Long> shape = naturals(file, name, "shape", json.array("shape"));
            List<Long> offsets = naturals(file, name, "data_offsets", json.array("data_offsets"));
            if (offsets.size() != 2) {
                throw bad(file, name, "has data_offsets that are not a pair");
            }
            return place(file, name, dtype, shape, offsets, dataStart, fileBytes);
        } catch (JsonFormatException e) {
            throw bad(file, name, "is described wrongly: " + e.getMessage());
        }
    }

    private static TensorInfo place(
            Path file,
            String name,
            DType dtype,
            List<Long> shape,
            List<Long> offsets,
            long dataStart,
            long fileBytes) {
        long begin = offsets.get(0);
        long end = offsets.get(1);
        if (begin > end) {
            throw bad(file, name, "begins at " + begin + ", behind its end " + end);
        }
        if (end > fileBytes - dataStart) {
            throw bad(
                    file,
                    name,
                    "ends at "
                            + end
                            + " of "
                            + (fileBytes - dataStart)
                            + " bytes: the file is cut short or its header lies");
        }
        long needed = sizeBytes(file, name, dtype, shape);
        if (needed != end - begin) {
            throw bad(
                    file,
                    name,
                    "has "
                            + (end - begin)
                            + " bytes where "
                            + dtype
                            + " of shape "
                            + shape
                            + " needs "
                            + needed);
        }
        return new TensorInfo(file, name, dtype, shape, dataStart + begin, needed);
    }

    /** Bytes of a tensor; the header is refused where they exceed 63 bits. */
    private static long sizeBytes(Path file, String name, DType dtype, List<Long> shape) {
        try {
            // A zero extent makes the product zero, yet the others must not overflow unnoticed.
            long size = dtype.sizeBytes();
            boolean empty = false;
            for (long extent : shape) {
                empty |= extent == 0;
                size = Math.multiplyExact(size, Math.max(extent, 1));
            }
            return empty ? 0 : size;
        } catch (ArithmeticException e) {
            throw bad(file, name, "has the shape " + shape + ", which overflows 63 bits");
        }
    }

    /** The format asks that tensors cover the bytes after the header without holes or overlaps. */
    private static void checkCover(
            Path file, Iterable<TensorInfo> tensors, long dataStart, long fileBytes) {
        List<TensorInfo> ordered = new ArrayList<>();
        tensors.forEach(ordered::add);
        ordered.sort(
                Comparator.comparingLong(TensorInfo::offsetBytes)
                        .thenComparingLong(TensorInfo::sizeBytes));
        long covered = dataStart;
        for (TensorInfo tensor : ordered) {
            if (tensor.offsetBytes() < covered) {
                throw bad(file, tensor.name(), "overlaps the tensor before it");
            }
            if (tensor.offsetBytes() > covered) {
                throw bad(
                        file,
                        tensor.name(),
                        "leaves a hole of "
                                + (tensor.offsetBytes() - covered)
                                + " bytes before it");
            }
            covered += tensor.sizeBytes();
        }
        if (covered != fileBytes) {
            throw new BadInputException(
                    file.toString(),
                    "has " + (fileBytes - covered) + " bytes after the last tensor",
                    DAMAGED);
        }
    }

    private static Optional<DType> exactDtype(String name) {
        return DType.find(name).filter(dtype -> dtype.name().equals(name));
    }

    private static List<Long> naturals(Path file, String name, String field, List<?> values) {
        List<Long> naturals = new ArrayList<>(values.size());
        for (Object value : values) {
            if (!(value instanceof Long number) || number < 0) {
                throw bad(file, name, "has " + field + " with " + value + ", not a natural number");
            }
            naturals.add(number);
        }
        return naturals;
    }

    private static BadInputException bad(Path file, String name, String what) {
        return new BadInputException(file.toString(), "tensor '" + name + "' " + what, DAMAGED);
    }
}
