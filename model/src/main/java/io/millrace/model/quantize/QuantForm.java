package io.millrace.model.quantize;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/** A published form in which a matrix is codes and scales. */
public interface QuantForm {
    /** As {@code --format} names it. */
    String name();

    /** Elements of a row that share a scale, where nothing else is said. */
    int usualGroup();

    /** What the codes stand for. */
    CodeBook codes();

    /** Rows that share a scale. */
    default int rowsOfScale(int group) {
        return 1;
    }

    /** Whether groups run on over the ends of rows that they do not divide. */
    default boolean runsOn() {
        return false;
    }

    /**
     * Checks that a matrix can be stored so.
     *
     * @param group elements of a row that share a scale
     * @param asked the options that a refusal names
     * @throws BadInputException where it cannot
     */
    void check(QuantMatrix matrix, int group, Asked asked);

    /**
     * The options by which a form was chosen.
     *
     * @param form names it
     * @param group says how many elements share a scale
     */
    record Asked(String form, String group) {
        /** Where a model of the form is written. */
        public static final Asked FORMAT = new Asked("--format", "--group-size");
    }

    /**
     * The tensors that take a matrix's place.
     *
     * @param group elements of a row that share a scale
     * @param dtype in which the matrix was stored
     */
    List<SafetensorsWriter.Entry> entries(QuantMatrix matrix, int group, DType dtype);

    /**
     * Writes what the matrix's tensors have of some rows; with the first rows also what is there
     * once.
     *
     * @param tile rows from a multiple of {@link #rowsOfScale} on
     * @param group elements of a row that share a scale
     * @param dtype in which the matrix was stored
     */
    void write(CodedTile tile, int group, DType dtype, PartSink sink);

    /**
     * Writes a matrix of random codes.
     *
     * @param group elements of a row that share a scale
     * @param dtype in which the matrix would be stored
     * @param deviation of its elements
     */
    void make(QuantMatrix matrix, int group, DType dtype, double deviation, RandomCodes random);

    /**
     * The {@code quantization_config} of a model.
     *
     * @param group elements of a row that share a scale
     * @param left modules whose matrices are as they were
     */
    Map<String, Object> configuration(int group, List<String> left);

    /** Takes parts of tensors. */
    @FunctionalInterface
    interface PartSink {
        /**
         * Takes a part, whose bytes are free again when this returns.
         *
         * @param tensor one of {@link #entries}
         * @param offsetBytes from its first byte
         */
        void write(String tensor, long offsetBytes, MemorySegment bytes);
    }

    /** Refuses a group that does not divide the rows of a matrix. */
    static void requireDivides(QuantMatrix matrix, int group, Asked asked) {
        if (matrix.inputs() % group != 0) {
            throw new BadInputException(
                    asked.group(),
                    group
                            + " does not divide the "
                            + matrix.inputs()
                            + " inputs of "
                            + matrix.tensor(),
                    "give one that does, such as " + Integer.lowestOneBit(matrix.inputs()));
        }
    }
}
