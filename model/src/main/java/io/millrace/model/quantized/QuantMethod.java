package io.millrace.model.quantized;

import io.millrace.memory.BadInputException;
import java.util.List;

/**
 * A way to quantise that published checkpoints have. Its file reads the fields that {@code
 * quantization_config} has for it, honours or refuses each, and finds the matrices that it packs.
 * Other jars may bring some as services of this type.
 */
public interface QuantMethod {
    /** The {@code quant_method}. */
    String name();

    /** What it reads, for documents: a line for each layout. */
    List<QuantLayout> layouts();

    /**
     * Puts each packed matrix, under the name of its weight, in the place of its parts.
     *
     * @param fields the {@code quantization_config}
     * @param stored what the files have
     * @throws BadInputException where a field asks for what is not read, or a part is missing, of
     *     another type or misshapen
     */
    void assemble(QuantFields fields, StoredParts stored);
}
