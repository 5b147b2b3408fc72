package io.millrace.model.spec;

/**
 * A table whose rows are looked up.
 *
 * @param name of the table [rows, width]
 * @param rows how many there are
 * @param width elements of one
 */
public record TableSpec(String name, int rows, int width) {}
