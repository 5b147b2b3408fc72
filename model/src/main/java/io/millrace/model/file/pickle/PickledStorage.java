package io.millrace.model.file.pickle;

import io.millrace.memory.DType;

/**
 * A run of elements that tensors are views of.
 *
 * @param key its name among the archive's data
 * @param dtype of its elements
 * @param elements how many it claims to have
 */
public record PickledStorage(String key, DType dtype, long elements) {}
