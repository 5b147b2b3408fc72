package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorFormats;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The JSON at the head of a safetensors file, believed only after every claim has been checked
 * against the file's size and against the other tensors.
 *
 * @param tensors by name, in the header's order
 * @param metadata the {@code __metadata__} strings, empty where there are none
 */
public record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
    static final String METADATA = "__metadata__";

    /** The format's own limit. */
    static final long MAX_BYTES = 100_000_000;

    /**
     * Tensors of a folder: published models have up to 150,000, some 300 bytes of heap each beside
     * the name.
     */
    public static final int MAX_TENSORS = 250_000;

    /** Characters of a tensor's name: published ones have up to a hundred. */
    static final int MAX_NAME_CHARS = 250;

    /** Characters of a folder's metadata, which nothing here needs but to pass on. */
    static final int MAX_METADATA_CHARS = 8 << 20;

    /** What an entry takes beside its characters. */
    private static final int ENTRY_CHARS = 64;

    private static final Pattern OTHER_DTYPES = Pattern.compile("F4|F[68]_\\w+|U16|U32|U64|C64");

    private static final String UNTRUSTED = "no model has so much: check where the file comes from";
    private static final String DAMAGED = "download or write the file again";

    public SafetensorsHeader {
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
     * Parses and checks, holding no more than what has been checked so far.
     *
     * @param file named in messages and in every TensorInfo
     * @param header the JSON, from its first byte to its last
     * @param dataStart where the tensors' bytes begin in the file
     * @param fileBytes the file's size
     * @throws IOException when the stream cannot be read
     */
    static SafetensorsHeader parse(Path file, InputStream header, long dataStart, long fileBytes)
            throws IOException {
        header.mark(1);
        if (header.read() != '{') {
            throw new BadInputException(
                    file.toString(),
                    "its header does not begin with '{'",
                    "check that it is a safetensors file, and " + DAMAGED);
        }
        header.reset();
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        try {
            JsonStream.read(
                    header,
                    (name, value) -> {
                        if (name.equals(METADATA)) {
                            readMetadata(file, value, metadata);
                        } else {
                            checkName(file, name, tensors);
                            tensors.put(name, tensor(file, name, value, dataStart, fileBytes));
                        }
                    });
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    file.toString(), "its header is not valid: " + e.getMessage(), DAMAGED);
        } catch (CharacterCodingException e) {
            throw new BadInputException(file.toString(), "its header is not UTF-8", DAMAGED);
        }
        checkCover(file, tensors.values(), dataStart, fileBytes);
        return new SafetensorsHeader(tensors, metadata);
    }

    private static void checkName(Path file, String name, Map<String, TensorInfo> tensors) {
        if (name.length() > MAX_NAME_CHARS) {
            throw new BadInputException(
                    file.toString(),
                    "its header names a tensor with more than " + MAX_NAME_CHARS + " characters",
                    UNTRUSTED);
        }
        if (tensors.containsKey(name)) {
            throw bad(file, name, "is described twice: a duplicate");
        }
        checkCount(file, tensors.size() + 1L);
    }

    /** Refuses more tensors, of one file or of all of a folder, than any model has. */
    static void checkCount(Path file, long tensors) {
        if (tensors > MAX_TENSORS) {
            throw new BadInputException(
                    file.toString(),
                    "with it there are more than "
                            + MAX_TENSORS
                            + " tensors, the most that is read",
                    UNTRUSTED);
        }
    }

    /** Refuses more metadata, of one file or of all of a folder, than belongs to weights. */
    static void checkMetadata(Path file, long chars) {
        if (chars > MAX_METADATA_CHARS) {
            throw new BadInputException(
                    file.toString(),
                    "with it there are more than "
                            + MAX_METADATA_CHARS
                            + " characters of metadata, the most that is read",
                    UNTRUSTED);
        }
    }

    /** Characters of metadata, with something for each entry. */
    static long metadataChars(Map<String, String> metadata) {
        return metadata.entrySet().stream()
                .mapToLong(entry -> chars(entry.getKey(), entry.getValue()))
                .sum();
    }

    private static long chars(String name, String text) {
        return ENTRY_CHARS + (long) name.length() + text.length();
    }

    private static void readMetadata(Path file, JsonStream value, Map<String, String> metadata) {
        if (!value.isObject()) {
            throw bad(file, METADATA, "is not an object");
        }
        long[] held = new long[1];
        value.object(
                METADATA,
                (name, entry) -> {
                    if (!(entry.scalar() instanceof String text)) {
                        throw bad(file, METADATA, "has a value that is not a string: " + name);
                    }
                    held[0] += chars(name, text);
                    checkMetadata(file, held[0]);
                    if (metadata.put(name, text) != null) {
                        throw bad(file, METADATA, "has the duplicate name " + name);
                    }
                });
    }

    private static TensorInfo tensor(
            Path file, String name, JsonStream value, long dataStart, long fileBytes) {
        if (!value.isObject()) {
            throw bad(file, name, "is not described by an object");
        }
        TensorClaim claim;
        try {
            claim = TensorClaim.read(value);
        } catch (JsonFormatException e) {
            throw bad(file, name, "is described wrongly: " + e.getMessage());
        }
        TensorFormat format =
                TensorFormats.find(claim.dtype())
                        .orElseThrow(() -> notRead(file, name, claim.dtype()));
        if (claim.offsets().size() != 2) {
            throw bad(file, name, "has data_offsets that are not a pair");
        }
        return place(file, name, format, claim.shape(), claim.offsets(), dataStart, fileBytes);
    }

    private static TensorInfo place(
            Path file,
            String name,
            TensorFormat format,
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
        long needed = sizeBytes(file, name, format, shape);
        if (needed != end - begin) {
            throw bad(
                    file,
                    name,
                    "has "
                            + (end - begin)
                            + " bytes where "
                            + format.name()
                            + " of shape "
                            + shape
                            + " needs "
                            + needed);
        }
        return new TensorInfo(file, name, format, shape, dataStart + begin, needed);
    }

    /** Bytes of a tensor; the header is refused where its shape has none. */
    private static long sizeBytes(Path file, String name, TensorFormat format, List<Long> shape) {
        try {
            return format.bytes(shape);
        } catch (ArithmeticException e) {
            throw bad(file, name, "has the shape " + shape + ", which overflows 63 bits");
        } catch (IllegalArgumentException e) {
            throw bad(file, name, "has the shape " + shape + ": " + e.getMessage());
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

    /** The format has more dtypes than are read: such a file is sound. */
    private static BadInputException notRead(Path file, String name, String dtype) {
        if (!OTHER_DTYPES.matcher(dtype).matches()) {
            return bad(file, name, "has the unknown dtype '" + dtype + "'");
        }
        return new BadInputException(
                file.toString(),
                "tensor '" + name + "' is of " + dtype + ", which is not read",
                "use the model in F32, F16 or BF16");
    }

    private static BadInputException bad(Path file, String name, String what) {
        return new BadInputException(file.toString(), "tensor '" + name + "' " + what, DAMAGED);
    }
}
