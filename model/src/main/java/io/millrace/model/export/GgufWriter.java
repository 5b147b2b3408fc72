package io.millrace.model.export;

import io.millrace.memory.file.DiskFile;
import io.millrace.memory.file.DurableFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a GGUF file of version 3: metadata, then tensors, each on a multiple of 32 bytes. The file
 * has its final name after {@link #commit} alone. For use by one thread.
 */
final class GgufWriter implements AutoCloseable {
    private static final int MAGIC = 0x4655_4747; // "GGUF"
    private static final int VERSION = 3;
    private static final int ALIGNMENT = 32;

    // Types of metadata.
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    /**
     * A tensor to be.
     *
     * @param name ggml's
     * @param shape row-major extents
     * @param type of its elements
     */
    record Entry(String name, List<Long> shape, GgufType type) {
        long bytes() {
            return type.bytes(shape);
        }
    }

    private final Path file;
    private final DiskFile part;
    private final Map<String, Long> places = new LinkedHashMap<>();
    private final long end;
    private boolean published;

    /**
     * Begins a file.
     *
     * @param metadata texts, whole numbers of 32 bits, floats, truth values, lists of texts, arrays
     *     of whole numbers or floats
     * @param tensors in the order that they have in the file
     */
    GgufWriter(Path file, Map<String, Object> metadata, List<Entry> tensors) {
        this.file = file;
        byte[] head = head(metadata, tensors);
        long at = aligned(head.length);
        for (Entry tensor : tensors) {
            places.put(tensor.name(), at);
            at = aligned(at + tensor.bytes());
        }
        end = at;
        try {
            part = DurableFiles.system().disk().overwrite(DurableFiles.part(file));
        } catch (IOException e) {
            throw failed(e);
        }
        try {
            part.write(ByteBuffer.wrap(head), 0);
            if (end > head.length) {
                part.write(ByteBuffer.allocate(1), end - 1); // padding behind the last, too
            }
        } catch (IOException e) {
            RuntimeException failure = failed(e);
            try {
                close();
            } catch (RuntimeException second) {
                failure.addSuppressed(second);
            }
            throw failure;
        }
    }

    private RuntimeException failed(IOException cause) {
        return DurableFiles.failed("writing", DurableFiles.part(file), cause);
    }

    private static long aligned(long at) {
        return Math.ceilDiv(at, ALIGNMENT) * ALIGNMENT;
    }

    private static byte[] head(Map<String, Object> metadata, List<Entry> tensors) {
        Head head = new Head();
        head.number(MAGIC, 4).number(VERSION, 4);
        head.number(tensors.size(), 8).number(metadata.size(), 8);
        metadata.forEach((key, value) -> head.text(key).typed(value));
        long offset = 0;
        for (Entry tensor : tensors) {
            head.text(tensor.name()).number(tensor.shape().size(), 4);
            // The extent that varies fastest comes first.
            tensor.shape().reversed().forEach(extent -> head.number(extent, 8));
            head.number(tensor.type().code(), 4).number(offset, 8);
            offset = aligned(offset + tensor.bytes());
        }
        return head.bytes.toByteArray();
    }

    /** Little-endian values, one behind the other. */
    private static final class Head {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Head number(long value, int width) {
            for (int i = 0; i < width; i++) {
                bytes.write((int) (value >>> (8 * i)));
            }
            return this;
        }

        Head text(String value) {
            byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
            number(utf8.length, 8);
            bytes.writeBytes(utf8);
            return this;
        }

        void typed(Object value) {
            switch (value) {
                case Integer number -> number(UINT32, 4).number(number, 4);
                case Float number -> number(FLOAT32, 4).number(Float.floatToIntBits(number), 4);
                case Boolean truth -> number(BOOL, 4).number(truth ? 1 : 0, 1);
                case String text -> number(STRING, 4).text(text);
                case int[] numbers -> {
                    number(ARRAY, 4).number(INT32, 4).number(numbers.length, 8);
                    for (int number : numbers) {
                        number(number, 4);
                    }
                }
                case float[] numbers -> {
                    number(ARRAY, 4).number(FLOAT32, 4).number(numbers.length, 8);
                    for (float number : numbers) {
                        number(Float.floatToIntBits(number), 4);
                    }
                }
                case List<?> texts -> {
                    number(ARRAY, 4).number(STRING, 4).number(texts.size(), 8);
                    texts.forEach(text -> text((String) text));
                }
                default -> throw new IllegalArgumentException(value.getClass().getName());
            }
        }
    }

    /** Writes a part of a tensor. */
    void write(String tensor, long offsetBytes, MemorySegment bytes) {
        try {
            part.write(bytes.asByteBuffer(), places.get(tensor) + offsetBytes);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Bytes of the file. */
    long fileBytes() {
        return end;
    }

    /** Sees everything onto the disk, and gives the file its name. */
    void commit() {
        try {
            part.force();
            part.close();
        } catch (IOException e) {
            throw failed(e);
        }
        DurableFiles files = DurableFiles.system();
        files.publish(file);
        published = true;
        files.syncFolder(file.toAbsolutePath().getParent());
    }

    /** Removes what was not committed; a second call does nothing. */
    @Override
    public void close() {
        if (!published) {
            published = true;
            try {
                part.close();
            } catch (IOException e) {
                throw failed(e);
            } finally {
                DurableFiles.system().delete(DurableFiles.part(file));
            }
        }
    }
}
