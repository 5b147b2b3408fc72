package io.millrace.model.file;

import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonStream;
import java.util.ArrayList;
import java.util.List;

/**
 * What a header says of one tensor, not yet held against anything.
 *
 * @param dtype its name
 * @param shape extents, each a natural number
 * @param offsets {@code data_offsets}, natural numbers
 */
record TensorClaim(String dtype, List<Long> shape, List<Long> offsets) {
    /** The most extents that PyTorch gives a tensor. */
    private static final int MAX_EXTENTS = 64;

    /** Reads the object that describes a tensor; fields that nobody knows are passed over. */
    static TensorClaim read(JsonStream value) {
        Fields read = new Fields();
        value.object("it", read::take);
        return new TensorClaim(
                required("dtype", read.dtype),
                required("shape", read.shape),
                required("data_offsets", read.offsets));
    }

    private static <T> T required(String field, T value) {
        if (value == null) {
            throw new JsonFormatException("field '" + field + "' is missing");
        }
        return value;
    }

    private static final class Fields {
        private String dtype;
        private List<Long> shape;
        private List<Long> offsets;

        private void take(String field, JsonStream value) {
            switch (field) {
                case "dtype" -> dtype = first(field, dtype, text(field, value));
                case "shape" -> shape = first(field, shape, naturals(field, value));
                case "data_offsets" -> offsets = first(field, offsets, naturals(field, value));
                default -> {}
            }
        }

        private static <T> T first(String field, T before, T value) {
            if (before != null) {
                throw new JsonFormatException("field '" + field + "' stands there twice");
            }
            return value;
        }

        private static String text(String field, JsonStream value) {
            if (value.scalar() instanceof String text) {
                return text;
            }
            throw new JsonFormatException("field '" + field + "' is not a string");
        }

        private static List<Long> naturals(String field, JsonStream value) {
            List<Long> naturals = new ArrayList<>();
            value.array(
                    "field '" + field + "'",
                    element -> {
                        Object number = element.scalar();
                        if (!(number instanceof Long natural) || natural < 0) {
                            throw new JsonFormatException(
                                    field + " with " + number + ", not a natural number");
                        }
                        if (naturals.size() == MAX_EXTENTS) {
                            throw new JsonFormatException(
                                    field + " with more than " + MAX_EXTENTS + " numbers");
                        }
                        naturals.add(natural);
                    });
            return naturals;
        }
    }
}
