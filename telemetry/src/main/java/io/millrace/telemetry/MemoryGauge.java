package io.millrace.telemetry;

import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * What a run holds of one kind of memory.
 *
 * @param name such as {@code host}
 * @param budget the most bytes that it may hold, empty where nothing bounds it
 * @param inUse bytes held now
 * @param peak the most bytes ever held
 */
public record MemoryGauge(
        String name, OptionalLong budget, LongSupplier inUse, LongSupplier peak) {}
