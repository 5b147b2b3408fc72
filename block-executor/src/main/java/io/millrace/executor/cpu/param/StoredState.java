package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;

/**
 * A number beside every element of a tensor, in the same memory.
 *
 * @param offset byte offset of that of element 0
 * @param dtype F32 or BF16
 */
public record StoredState(long offset, DType dtype) {}
