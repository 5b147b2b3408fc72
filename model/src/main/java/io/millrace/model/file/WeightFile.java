package io.millrace.model.file;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/** A file of weights, whatever its format, whose tensors are read where they lie. */
public interface WeightFile extends AutoCloseable {
    /** Where the file is. */
    Path path();

    /** All tensors by name, in the file's order; not to be changed. */
    Map<String, TensorInfo> tensors();

    /** Strings that go with the tensors into what is written after them. */
    Map<String, String> metadata();

    /**
     * Reads a part of a tensor. Any thread may call it.
     *
     * @param tensor one of this file's
     * @param offsetBytes from the tensor's first byte
     * @param dst native memory or a byte array, filled whole; the part must end within the tensor
     */
    void read(TensorInfo tensor, long offsetBytes, MemorySegment dst);

    /** Closes the file; a second call does nothing. */
    @Override
    void close();
}
