package io.millrace.model.quantized;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorPart;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.spec.Slices;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The tensors of a model's files, while packed matrices are put in the place of their parts. */
public final class StoredParts {
    private static final String WEIGHT = "weight";
    private static final String MEND = "use the weights and the config.json of one publication";

    private final QuantFields fields;
    private final WeightFiles files;
    private final Map<String, TensorInfo> tensors;

    StoredParts(QuantFields fields, WeightFiles files) {
        this.fields = fields;
        this.files = files;
        tensors = new LinkedHashMap<>(files.tensors());
    }

    /** What became of it: every tensor by name. */
    Map<String, TensorInfo> tensors() {
        return tensors;
    }

    /** Whether anything is packed. */
    boolean isEmpty() {
        return tensors.values().stream().allMatch(tensor -> tensor.parts().isEmpty());
    }

    /** The modules that have a part of that name, in the order of the files. */
    public List<String> modules(String suffix) {
        String end = "." + suffix;
        return tensors.keySet().stream()
                .filter(name -> name.endsWith(end))
                .map(name -> name.substring(0, name.length() - end.length()))
                .toList();
    }

    /** A module's part, where it has one. */
    public Optional<TensorInfo> find(String module, String suffix) {
        return Optional.ofNullable(tensors.get(module + "." + suffix));
    }

    /** A module's part; refused where it is missing. */
    public TensorInfo part(String module, String suffix) {
        return whole(module + "." + suffix);
    }

    /**
     * An extent of a part.
     *
     * @param tensor a part that must have so many axes
     * @param axes how many
     * @param axis which
     */
    public int extent(TensorInfo tensor, int axes, int axis) {
        if (tensor.shape().size() != axes) {
            throw bad(tensor, "has shape " + tensor.shape() + " where " + axes + " axes are meant");
        }
        long extent = tensor.shape().get(axis);
        if (extent < 1 || extent > 1L << 26) {
            throw bad(tensor, "has shape " + tensor.shape());
        }
        return (int) extent;
    }

    /** The dtype of a part, which must be one of some. */
    public DType dtype(TensorInfo tensor, DType... allowed) {
        for (DType dtype : allowed) {
            if (tensor.format().equals(dtype)) {
                return dtype;
            }
        }
        throw bad(
                tensor, "is of " + tensor.format().name() + " where " + List.of(allowed) + " fits");
    }

    /**
     * Puts a packed matrix in the place of its parts, under the name of its module's weight.
     *
     * @param module whose weight it is
     * @param format how it is packed
     * @throws BadInputException where a part is missing, of another dtype or misshapen
     */
    public void put(String module, PackedFormat format) {
        List<TensorInfo> parts = new ArrayList<>();
        for (TensorPart part : format.parts()) {
            TensorInfo tensor = part(module, part.suffix());
            requireShape(tensor, format, part, part.shape());
            parts.add(tensor);
        }
        parts.forEach(tensor -> tensors.remove(tensor.name()));
        put(module + "." + WEIGHT, format, parts);
    }

    /** The names that tensors have before an ending, in the order of the files. */
    public List<String> wholes(String ending) {
        return tensors.keySet().stream()
                .filter(name -> name.endsWith(ending))
                .map(name -> name.substring(0, name.length() - ending.length()))
                .toList();
    }

    /** A tensor by its whole name; refused where it is missing. */
    public TensorInfo whole(String name) {
        return Optional.ofNullable(tensors.get(name))
                .orElseThrow(() ->
                        new BadInputException(
                                fields.file(), "tensor '" + name + "' is missing", MEND));
    }

    /**
     * Puts packed matrices in the place of tensors that have an axis more, each under the name of
     * its {@link Slices slice}.
     *
     * @param name of a tensor that is not there, before the endings of its parts
     * @param format of each matrix
     * @param count how many there are
     * @throws BadInputException where a part is missing, of another dtype or misshapen
     */
    public void putEach(String name, PackedFormat format, int count) {
        List<TensorInfo> wholes = new ArrayList<>();
        for (TensorPart part : format.parts()) {
            TensorInfo whole = whole(name + part.suffix());
            List<Long> shape = new ArrayList<>(part.shape());
            shape.addFirst((long) count);
            requireShape(whole, format, part, shape);
            wholes.add(whole);
        }
        wholes.forEach(whole -> tensors.remove(whole.name()));
        for (int index = 0; index < count; index++) {
            int each = index;
            List<TensorInfo> parts = wholes.stream().map(whole -> whole.slice(each)).toList();
            put(Slices.name(name, index), format, parts);
        }
    }

    private void requireShape(
            TensorInfo tensor, PackedFormat format, TensorPart part, List<Long> shape) {
        dtype(tensor, part.dtype());
        if (!tensor.shape().equals(shape)) {
            throw bad(
                    tensor,
                    "has shape "
                            + tensor.shape()
                            + " where "
                            + format.name()
                            + " of a matrix of "
                            + format.rows()
                            + " by "
                            + format.columns()
                            + " has "
                            + shape);
        }
    }

    private void put(String name, PackedFormat format, List<TensorInfo> parts) {
        boolean plain = tensors.containsKey(Slices.whole(name));
        if (tensors.put(name, TensorInfo.of(name, format, parts)) != null || plain) {
            throw new BadInputException(
                    fields.file(), "'" + name + "' is there twice, packed and plain", MEND);
        }
    }

    /**
     * Refuses a packed matrix of a module that the configuration says is plain.
     *
     * @param modules names, of which {@code *} stands for any part
     */
    public void requirePlain(String field, List<String> modules) {
        for (String module : modules) {
            Pattern named =
                    Pattern.compile(
                            Stream.of(("." + module + ".").split("\\*", -1))
                                    .map(Pattern::quote)
                                    .collect(Collectors.joining(".*")));
            tensors.values().stream()
                    .filter(tensor -> !tensor.parts().isEmpty())
                    .map(TensorInfo::name)
                    .filter(name -> named.matcher("." + name + ".").find())
                    .findFirst()
                    .ifPresent(name -> {
                        throw fields.bad(
                                field, "names " + module + ", but '" + name + "' is packed", MEND);
                    });
        }
    }

    /** All integers of a small part. */
    public long[] integers(TensorInfo tensor) {
        DType dtype = dtype(tensor, DType.I64, DType.I32);
        MemorySegment bytes = bytes(tensor);
        long[] values = new long[(int) tensor.elementCount()];
        for (int i = 0; i < values.length; i++) {
            values[i] =
                    dtype == DType.I64
                            ? bytes.get(Elements.LONG, 8L * i)
                            : bytes.get(Elements.INT, 4L * i);
        }
        return values;
    }

    /** All bytes of a small part. */
    public MemorySegment bytes(TensorInfo tensor) {
        if (tensor.sizeBytes() > 1 << 20) {
            throw bad(tensor, "has " + tensor.sizeBytes() + " bytes, too many for what it says");
        }
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) tensor.sizeBytes()]);
        files.read(tensor, 0, bytes);
        return bytes;
    }

    /** The error for a part. */
    public BadInputException bad(TensorInfo tensor, String what) {
        return new BadInputException(
                tensor.file().toString(), "tensor '" + tensor.name() + "' " + what, MEND);
    }
}
