package io.millrace.model.spec;

/**
 * Where the heads of one kind lie in a row of projections.
 *
 * @param count how many there are
 * @param start column of the first
 * @param stride columns from one to the next
 */
public record HeadColumns(int count, int start, int stride) {}
