package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorPart;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Refuses a part of a packed matrix that no weights can be made of: scales that are 0 or no
 * numbers, inputs of groups that there are none of.
 *
 * @param tensor the part
 * @param part what it is to say
 */
record PartCheck(TensorInfo tensor, TensorPart part) {
    private static final int NO_NUMBER = 255;

    /**
     * Checks some elements.
     *
     * @param first index of the first
     * @param elements whole ones
     */
    void run(long first, MemorySegment elements) {
        switch (part.role()) {
            case SCALES, RANGES, TABLE -> {
                if (part.dtype().holdsWeights()) {
                    finite(first, elements);
                }
            }
            case EXPONENTS -> exponents(first, elements);
            case GROUPS -> groups(first, elements);
            case CODES, ZEROS -> {
                // Every integer is one.
            }
        }
    }

    private void finite(long first, MemorySegment elements) {
        DType dtype = part.dtype();
        Checkpoint.checkFinite(tensor, dtype, first, elements);
        if (part.role() != TensorPart.Role.SCALES) {
            return;
        }
        for (long i = 0; i < elements.byteSize() / dtype.sizeBytes(); i++) {
            if (Elements.get(elements, dtype, i) == 0) {
                throw bad(first + i, "a scale of 0");
            }
        }
    }

    private void exponents(long first, MemorySegment elements) {
        for (long i = 0; i < elements.byteSize(); i++) {
            if (Byte.toUnsignedInt(elements.get(ValueLayout.JAVA_BYTE, i)) == NO_NUMBER) {
                throw bad(first + i, "a scale that is no number");
            }
        }
    }

    private void groups(long first, MemorySegment elements) {
        for (long i = 0; i < elements.byteSize() / Integer.BYTES; i++) {
            int group = elements.get(Elements.INT, i * Integer.BYTES);
            if (group < 0 || group >= part.limit()) {
                throw bad(first + i, "group " + group + " of " + part.limit());
            }
        }
    }

    private BadInputException bad(long element, String what) {
        return new BadInputException(
                tensor.file().toString(),
                "tensor '" + tensor.name() + "' has " + what + " at element " + element,
                "download the file again, or quantise the model again");
    }
}
