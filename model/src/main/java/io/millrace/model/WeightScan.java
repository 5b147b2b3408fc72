package io.millrace.model;

import java.util.Map;
import java.util.Optional;

/**
 * What one pass over all weights found.
 *
 * @param fingerprint SHA-256 in hex over every trainable tensor's name, dtype, shape and CRC-32C,
 *     in the bytewise order of names; the same for any sharding, and for any tensors beside them
 * @param checksums CRC-32C of each trainable tensor's bytes, and of each panel's by its label
 * @param rows those of the table whose rows may be read alone
 * @param sizeBytes bytes of all trainable tensors
 */
public record WeightScan(
        String fingerprint,
        Map<String, Integer> checksums,
        Optional<RowChecksums> rows,
        long sizeBytes) {
    /** Freezes the checksums. */
    public WeightScan {
        checksums = Map.copyOf(checksums);
    }
}
