package io.millrace.model.file;

import io.millrace.memory.TensorFormat;
import io.millrace.memory.file.DiskFile;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.spec.Slices;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes one safetensors file. All tensors are declared first; their bytes may then come in any
 * order and in parts, so that a caller needs no more memory than it likes. The file has its final
 * name only after {@link #commit}. For use by one thread.
 */
public final class SafetensorsWriter implements AutoCloseable {
    /** What files without metadata of their own say, as other tools expect. */
    public static final Map<String, String> PT_METADATA = Map.of("format", "pt");

    private static final int HEADER_ALIGNMENT = 8;
    private static final long WRITE_BYTES = 64L << 20;

    private final DurableFiles files;
    private final Path file;
    private final DiskFile part;
    private final Map<String, Place> places;
    private boolean finished;
    private boolean published;

    /**
     * A tensor to be written.
     *
     * @param name its name
     * @param format how its elements are stored
     * @param shape row-major extents
     */
    public record Entry(String name, TensorFormat format, List<Long> shape) {
        /** Freezes the shape. */
        public Entry {
            shape = List.copyOf(shape);
        }

        /** Bytes of all elements. */
        public long sizeBytes() {
            return format.bytes(shape);
        }

        /**
         * The tensors that some are or are {@link Slices} of, each where its first slice was.
         *
         * @param parts all slices of each tensor
         */
        public static List<Entry> whole(List<Entry> parts) {
            Map<String, List<Entry>> slices = new LinkedHashMap<>();
            for (Entry part : parts) {
                slices.computeIfAbsent(Slices.whole(part.name), _ -> new ArrayList<>()).add(part);
            }
            List<Entry> wholes = new ArrayList<>();
            slices.forEach((name, all) -> {
                Entry first = all.getFirst();
                List<Long> shape = new ArrayList<>(first.shape);
                if (!first.name.equals(name)) {
                    shape.addFirst((long) all.size());
                }
                wholes.add(new Entry(name, first.format, shape));
            });
            return wholes;
        }
    }

    private static final class Place {
        final long offsetBytes;
        final long sizeBytes;
        final List<Long> shape;
        long written;

        Place(long offsetBytes, Entry tensor) {
            this.offsetBytes = offsetBytes;
            sizeBytes = tensor.sizeBytes();
            shape = tensor.shape();
        }
    }

    private SafetensorsWriter(
            DurableFiles files, Path file, DiskFile part, Map<String, Place> places) {
        this.files = files;
        this.file = file;
        this.part = part;
        this.places = places;
    }

    /**
     * Begins a file; its bytes grow under the name {@code <file>.part}.
     *
     * @param file the final name, replaced at commit where it exists
     * @param metadata the {@code __metadata__} strings; none are written when empty
     * @param tensors in the order that they shall have in the file
     */
    public static SafetensorsWriter create(
            Path file, Map<String, String> metadata, List<Entry> tensors) {
        return create(DurableFiles.system(), file, metadata, tensors);
    }

    public static SafetensorsWriter create(
            DurableFiles files, Path file, Map<String, String> metadata, List<Entry> tensors) {
        byte[] header = header(metadata, tensors);
        Map<String, Place> places = new LinkedHashMap<>();
        long offset = header.length;
        for (Entry tensor : tensors) {
            if (places.put(tensor.name(), new Place(offset, tensor)) != null) {
                throw new IllegalArgumentException("tensor " + tensor.name() + " appears twice");
            }
            offset += tensor.sizeBytes();
        }
        try {
            DiskFile part = files.disk().overwrite(DurableFiles.part(file));
            SafetensorsWriter writer = new SafetensorsWriter(files, file, part, places);
            try {
                writer.writeFully(MemorySegment.ofArray(header), 0);
            } catch (RuntimeException e) {
                writer.close();
                throw e;
            }
            return writer;
        } catch (IOException e) {
            throw DurableFiles.failed("creating", DurableFiles.part(file), e);
        }
    }

    /** Bytes of the file that {@link #create} with the same arguments makes. */
    public static long fileBytes(Map<String, String> metadata, List<Entry> tensors) {
        return header(metadata, tensors).length
                + tensors.stream().mapToLong(Entry::sizeBytes).sum();
    }

    private static byte[] header(Map<String, String> metadata, List<Entry> tensors) {
        Map<String, Object> json = new LinkedHashMap<>();
        if (!metadata.isEmpty()) {
            json.put(SafetensorsHeader.METADATA, new LinkedHashMap<>(metadata));
        }
        long offset = 0;
        for (Entry tensor : tensors) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("dtype", tensor.format().name());
            fields.put("shape", tensor.shape());
            fields.put("data_offsets", List.of(offset, offset + tensor.sizeBytes()));
            json.put(tensor.name(), fields);
            offset += tensor.sizeBytes();
        }
        byte[] text = Json.write(json).getBytes(StandardCharsets.UTF_8);
        int padded = Math.ceilDiv(text.length, HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
        ByteBuffer header = ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(padded).put(text);
        while (header.hasRemaining()) {
            header.put((byte) ' ');
        }
        return header.array();
    }

    /** Writes a whole tensor. */
    public void write(String name, MemorySegment bytes) {
        write(name, 0, bytes);
    }

    /**
     * Writes a part of a tensor; each byte is to be written once.
     *
     * @param name one of the declared tensors, or one of its {@link Slices}
     * @param offsetBytes from the tensor's first byte
     * @param bytes all of it is written; it must end within the tensor
     */
    public void write(String name, long offsetBytes, MemorySegment bytes) {
        Slices.Slice slice = places.containsKey(name) ? null : Slices.find(name).orElse(null);
        Place place = places.get(slice == null ? name : slice.whole());
        if (place == null) {
            throw new IllegalArgumentException(file + " was not declared to hold " + name);
        }
        long size = slice == null ? place.sizeBytes : place.sizeBytes / place.shape.getFirst();
        long first = slice == null ? 0 : slice.index() * size;
        if (offsetBytes < 0
                || offsetBytes + bytes.byteSize() > size
                || first + size > place.sizeBytes) {
            throw new IndexOutOfBoundsException(
                    name + ": " + bytes.byteSize() + " bytes at " + offsetBytes + " of " + size);
        }
        writeFully(bytes, place.offsetBytes + first + offsetBytes);
        place.written += bytes.byteSize();
    }

    /** Writes a whole F32 tensor from the heap. */
    public void write(String name, float[] values) {
        write(name, MemorySegment.ofArray(values));
    }

    /** Sees all bytes onto the disk, and gives the file its final name. */
    public void commit() {
        finish();
        publish();
        files.syncFolder(file.toAbsolutePath().getParent());
    }

    /** The first half of {@link #commit}: the part is whole and on the disk. */
    public void finish() {
        List<String> missing = new ArrayList<>();
        places.forEach((name, place) -> {
            if (place.written != place.sizeBytes) {
                missing.add(name);
            }
        });
        if (!missing.isEmpty()) {
            throw new IllegalStateException(file + " lacks bytes of " + missing);
        }
        try {
            part.force();
            part.close();
        } catch (IOException e) {
            throw DurableFiles.failed("syncing", DurableFiles.part(file), e);
        }
        finished = true;
    }

    /** The second half of {@link #commit}, without syncing the folder. */
    public void publish() {
        if (!finished) {
            throw new IllegalStateException(file + " is not finished");
        }
        files.publish(file);
        published = true;
    }

    private void writeFully(MemorySegment bytes, long position) {
        try {
            for (long done = 0; done < bytes.byteSize(); ) {
                long length = Math.min(WRITE_BYTES, bytes.byteSize() - done);
                part.write(buffer(bytes.asSlice(done, length)), position + done);
                done += length;
            }
        } catch (IOException e) {
            throw DurableFiles.failed("writing", DurableFiles.part(file), e);
        }
    }

    /** Channels take native memory and byte arrays; other arrays are copied. */
    private static ByteBuffer buffer(MemorySegment bytes) {
        boolean direct = bytes.isNative() || bytes.heapBase().orElseThrow() instanceof byte[];
        return direct
                ? bytes.asByteBuffer()
                : ByteBuffer.wrap(bytes.toArray(ValueLayout.JAVA_BYTE));
    }

    /** Removes what was not committed; a second call does nothing. */
    @Override
    public void close() {
        try {
            part.close();
            if (!published) {
                files.disk().delete(DurableFiles.part(file));
                published = true; // nothing is left to remove
            }
        } catch (IOException e) {
            throw DurableFiles.failed("closing", DurableFiles.part(file), e);
        }
    }
}
