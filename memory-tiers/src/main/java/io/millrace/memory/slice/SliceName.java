package io.millrace.memory.slice;

/**
 * What a slice is: two that have one name hold the same bytes on every worker.
 *
 * @param number which of all slices of the model it is, from 0 up in the order of blocks; its place
 *     follows from it
 * @param block the block that it is of
 * @param version the last step that the block holds
 * @param shape what tells slices of other cuts apart: whence it comes, and the bytes of its block
 * @param length bytes of it
 */
public record SliceName(long number, int block, long version, long shape, int length) {}
