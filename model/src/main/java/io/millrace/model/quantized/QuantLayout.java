package io.millrace.model.quantized;

/**
 * One way in which matrices are packed, as documents list it.
 *
 * @param name such as {@code int4 in groups}
 * @param parts what the files have for a matrix
 * @param limits what is not read of it; empty where all is
 */
public record QuantLayout(String name, String parts, String limits) {}
