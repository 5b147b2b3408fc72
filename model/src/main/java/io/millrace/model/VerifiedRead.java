package io.millrace.model;

import io.millrace.memory.CorruptDataException;
import io.millrace.model.file.TensorInfo;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.function.IntSupplier;

/** Holds what is read to the checksum that it had before. */
final class VerifiedRead {
    private static final System.Logger LOG = System.getLogger(VerifiedRead.class.getName());

    private VerifiedRead() {}

    /**
     * Reads, and once more where the checksum is another.
     *
     * @param stored what is read
     * @param label its name, or that of the rows of it that are read
     * @param checksums CRC-32C of stored tensors and panels by label, those that are known
     * @param reading reads it all; gives its checksum
     */
    static void of(
            TensorInfo stored, String label, Map<String, Integer> checksums, IntSupplier reading) {
        Integer expected = checksums.get(label);
        int actual = reading.getAsInt();
        if (expected != null && expected != actual) {
            // A bit may flip on the way as well as on the drive: the second read tells.
            LOG.log(
                    Level.WARNING,
                    mismatch(stored, label, actual, expected) + "; reading it again");
            actual = reading.getAsInt();
            if (expected != actual) {
                throw new CorruptDataException(
                        mismatch(stored, label, actual, expected)
                                + " in two reads; the file was changed since it was read first, or"
                                + " its drive has lost these bytes");
            }
        }
    }

    private static String mismatch(TensorInfo stored, String label, int actual, int expected) {
        return String.format(
                "%s: tensor '%s' has checksum %08x, expected %08x",
                stored.file(), label, actual, expected);
    }
}
