package io.millrace.model.adapter;

import java.util.List;

/**
 * Where a file has what a run trains as one tensor: in columns of a matrix that holds others too,
 * or whole.
 *
 * @param tensor name in the file
 * @param shape of all of it
 * @param column the first of the trained tensor's
 */
public record FilePlace(String tensor, List<Long> shape, long column) {
    /** Freezes the shape. */
    public FilePlace {
        shape = List.copyOf(shape);
    }
}
