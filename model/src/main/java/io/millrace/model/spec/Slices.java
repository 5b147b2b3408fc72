package io.millrace.model.spec;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of the parts that a tensor with an axis more is taken as: {@code NAME[3]} is the fourth
 * along the first axis of {@code NAME}, such as one expert's matrix of a tensor that holds those of
 * all. Its elements lie in a row.
 */
public final class Slices {
    private static final Pattern SLICE = Pattern.compile("(.+)\\[(\\d{1,9})]");

    private Slices() {}

    /**
     * A part of a tensor.
     *
     * @param whole name of the tensor
     * @param index which part, from 0
     */
    public record Slice(String whole, int index) {}

    /** The name of a part. */
    public static String name(String whole, int index) {
        return whole + "[" + index + "]";
    }

    /** What a name is a part of; empty where it is a tensor's own. */
    public static Optional<Slice> find(String name) {
        Matcher matcher = SLICE.matcher(name);
        return matcher.matches()
                ? Optional.of(new Slice(matcher.group(1), Integer.parseInt(matcher.group(2))))
                : Optional.empty();
    }

    /** The tensor that a name is a part of, or the name itself. */
    public static String whole(String name) {
        return find(name).map(Slice::whole).orElse(name);
    }
}
