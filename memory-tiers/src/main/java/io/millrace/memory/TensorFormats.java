package io.millrace.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** Every format of tensors there is: those of {@link DType}, and those of other jars. */
public final class TensorFormats {
    private static final List<TensorFormat> ALL = all();

    private TensorFormats() {}

    private static List<TensorFormat> all() {
        List<TensorFormat> all = new ArrayList<>(List.of(DType.values()));
        ServiceLoader.load(TensorFormat.class, TensorFormat.class.getClassLoader())
                .forEach(all::add);
        if (all.stream().map(TensorFormat::name).distinct().count() != all.size()) {
            throw new IllegalStateException(
                    "two formats of one name on the class path: "
                            + all.stream().map(TensorFormat::name).sorted().toList());
        }
        return List.copyOf(all);
    }

    /** The format that headers of files call so. */
    public static Optional<TensorFormat> find(String name) {
        return ALL.stream().filter(format -> format.name().equals(name)).findFirst();
    }
}
