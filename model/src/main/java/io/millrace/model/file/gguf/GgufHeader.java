package io.millrace.model.file.gguf;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.UnitFormat;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The head of a GGUF file of version 2 or 3: metadata but for its arrays, and what its tensors are.
 *
 * @param metadata numbers as Long or Double, texts and truth values
 * @param tensors in the file's order
 * @param bytes of the head, before it is padded
 */
public record GgufHeader(Map<String, Object> metadata, List<Tensor> tensors, long bytes) {
    private static final int MAGIC = 0x4655_4747;
    private static final int MOST = 1 << 18;
    private static final int MOST_CHARS = 1 << 20;
    private static final int ARRAY = 9;
    private static final int STRING = 8;

    /** Bytes of a value of each type; 0 where it says so itself. */
    private static final int[] WIDTHS = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

    private static final Map<Integer, UnitFormat> FORMATS =
            Map.of(
                    0,
                    DType.F32,
                    1,
                    DType.F16,
                    30,
                    DType.BF16,
                    2,
                    GgufFormat.Q4_0,
                    3,
                    GgufFormat.Q4_1,
                    6,
                    GgufFormat.Q5_0,
                    8,
                    GgufFormat.Q8_0,
                    12,
                    GgufFormat.Q4_K,
                    13,
                    GgufFormat.Q5_K,
                    14,
                    GgufFormat.Q6_K);

    /**
     * What a tensor is.
     *
     * @param name ggml's
     * @param shape row-major extents
     * @param format of its elements
     * @param offset from the first tensor's byte
     */
    public record Tensor(String name, List<Long> shape, UnitFormat format, long offset) {}

    /** Reads the head of a file. */
    public static GgufHeader read(Path file, InputStream in) throws IOException {
        Reader reader = new Reader(file, in);
        try {
            return reader.header();
        } catch (EOFException e) {
            throw bad(file, "ends within its header", "download it again");
        }
    }

    public static BadInputException bad(Path file, String what, String mend) {
        return new BadInputException(file.toString(), what, mend);
    }

    /** Reads what follows. */
    private static final class Reader {
        private final Path file;
        private final InputStream in;
        private long position;

        Reader(Path file, InputStream in) {
            this.file = file;
            this.in = in;
        }

        GgufHeader header() throws IOException {
            if ((int) number(4) != MAGIC) {
                throw bad(file, "is no GGUF file", "give one, or download it again");
            }
            long version = number(4);
            if (version != 2 && version != 3) {
                throw bad(
                        file,
                        "is of GGUF version " + version + ", which is not read",
                        "convert it to version 3, little-endian");
            }
            int tensors = count("tensors");
            int pairs = count("metadata");
            Map<String, Object> metadata = new LinkedHashMap<>();
            for (int i = 0; i < pairs; i++) {
                String key = text();
                value((int) number(4), 0).ifPresent(value -> metadata.put(key, value));
            }
            List<Tensor> found = new ArrayList<>();
            for (int i = 0; i < tensors; i++) {
                found.add(tensor());
            }
            return new GgufHeader(metadata, found, position);
        }

        private Tensor tensor() throws IOException {
            String name = text();
            int axes = (int) number(4);
            if (axes < 1 || axes > 4) {
                throw bad(file, "tensor '" + name + "' has " + axes + " axes", "download it again");
            }
            List<Long> shape = new ArrayList<>();
            for (int axis = 0; axis < axes; axis++) {
                shape.addFirst(number(8));
            }
            int type = (int) number(4);
            UnitFormat format = FORMATS.get(type);
            if (format == null) {
                throw bad(
                        file,
                        "tensor '" + name + "' is of type " + type + ", which is not read",
                        "use a file of F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q8_0, Q4_K, Q5_K or Q6_K");
            }
            return new Tensor(name, List.copyOf(shape), format, number(8));
        }

        private int count(String what) throws IOException {
            long count = number(8);
            if (count < 0 || count > MOST) {
                throw bad(file, "claims " + count + " " + what, "download it again");
            }
            return (int) count;
        }

        private Optional<Object> value(int type, int depth) throws IOException {
            if (type < 0 || type >= WIDTHS.length || depth > 2) {
                throw bad(file, "has metadata of type " + type, "download it again");
            }
            if (type == STRING) {
                return Optional.of(text());
            }
            if (type == ARRAY) {
                int element = (int) number(4);
                long count = number(8);
                for (long i = 0; i < count; i++) {
                    value(element, depth + 1);
                }
                return Optional.empty();
            }
            long bits = number(WIDTHS[type]);
            return Optional.of(
                    switch (type) {
                        case 6 -> (double) Float.intBitsToFloat((int) bits);
                        case 7 -> bits != 0;
                        case 12 -> Double.longBitsToDouble(bits);
                        default -> bits;
                    });
        }

        private String text() throws IOException {
            long length = number(8);
            if (length < 0 || length > MOST_CHARS) {
                throw bad(file, "has a text of " + length + " bytes", "download it again");
            }
            return new String(bytes((int) length), StandardCharsets.UTF_8);
        }

        private long number(int width) throws IOException {
            byte[] eight = new byte[8];
            System.arraycopy(bytes(width), 0, eight, 0, width);
            return ByteBuffer.wrap(eight).order(ByteOrder.LITTLE_ENDIAN).getLong();
        }

        private byte[] bytes(int count) throws IOException {
            byte[] bytes = in.readNBytes(count);
            if (bytes.length < count) {
                throw new EOFException();
            }
            position += count;
            return bytes;
        }
    }
}
