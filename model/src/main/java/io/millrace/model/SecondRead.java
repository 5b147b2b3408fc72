package io.millrace.model;

import io.millrace.memory.CorruptDataException;
import io.millrace.model.file.TensorInfo;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.function.IntSupplier;

/** Reads again what came with another checksum than it had before. */
final class SecondRead {
    private static final System.Logger LOG = System.getLogger(SecondRead.class.getName());

    private SecondRead() {}

    /**
     * Reads, and once more where that differs from before: a bit may flip on the way as well as on
     * the drive.
     *
     * @param stored what is read
     * @param label its name, or that of the rows of it that are read
     * @param checksums what was found before, by label
     * @param reading reads and gives the CRC-32C
     * @throws CorruptDataException where the second read differs too
     */
    static void where(
            TensorInfo stored, String label, Map<String, Integer> checksums, IntSupplier reading) {
        Integer expected = checksums.get(label);
        int actual = reading.getAsInt();
        if (expected == null || expected == actual) {
            return;
        }
        LOG.log(Level.WARNING, mismatch(stored, label, actual, expected) + "; reading it again");
        actual = reading.getAsInt();
        if (expected != actual) {
            throw new CorruptDataException(
                    mismatch(stored, label, actual, expected)
                            + " in two reads; the file was changed since it was read first, or its"
                            + " drive has lost these bytes");
        }
    }

    private static String mismatch(TensorInfo stored, String label, int actual, int expected) {
        return String.format(
                "%s: tensor '%s' has checksum %08x, expected %08x",
                stored.file(), label, actual, expected);
    }
}
