package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.SideFile;
import io.millrace.telemetry.json.JsonFormatException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/** The index of a sharded model: in which file each tensor is promised to be. */
final class WeightIndex {
    /** A tensor takes some 150 bytes: room for more of them than are read. */
    private static final long MAX_BYTES = 64L << 20;

    private static final String MEND = "use the index that was published with the weights";
    private static final String ONE_PUBLICATION = "use the index and the shards of one publication";

    private final Path path;
    private final Map<String, String> homes;

    private WeightIndex(Path path, Map<String, String> homes) {
        this.path = path;
        this.homes = homes;
    }

    /**
     * Reads an index.
     *
     * @throws BadInputException when it is none, or leads out of its folder
     */
    static WeightIndex read(Path index) {
        Map<String, String> map = new LinkedHashMap<>();
        SideFile.stream(
                index,
                MAX_BYTES,
                MEND,
                (field, value) -> {
                    if (field.equals("weight_map")) {
                        // One copy of each file's name, however many tensors the file has.
                        Map<String, String> files = new HashMap<>();
                        value.object(
                                "field 'weight_map'",
                                (name, file) -> {
                                    String home = home(index, name, file.scalar());
                                    SafetensorsHeader.checkCount(index, map.size() + 1L);
                                    if (map.put(name, files.computeIfAbsent(home, same -> same))
                                            != null) {
                                        throw new JsonFormatException(
                                                "field 'weight_map' has tensor '"
                                                        + name
                                                        + "' twice");
                                    }
                                });
                    }
                });
        if (map.isEmpty()) {
            throw new BadInputException(
                    index.toString(), "field 'weight_map' is missing or empty", MEND);
        }
        return new WeightIndex(index, map);
    }

    private static String home(Path index, String name, Object file) {
        // The index must not lead out of the folder.
        if (!(file instanceof String home)
                || home.isEmpty()
                || home.startsWith(".")
                || !home.matches("[^/\\\\\\x00]+")) {
            throw new BadInputException(
                    index.toString(),
                    "field 'weight_map' sends '" + name + "' to the file '" + file + "'",
                    MEND);
        }
        return home;
    }

    /** The shards, by name. */
    SortedSet<String> files() {
        return new TreeSet<>(homes.values());
    }

    /** The same index for tensors by other names. */
    WeightIndex renamed(UnaryOperator<String> names) {
        Map<String, String> renamed = new LinkedHashMap<>();
        homes.forEach((name, home) -> renamed.put(names.apply(name), home));
        return new WeightIndex(path, renamed);
    }

    /** Whether there is a promise for a tensor. */
    boolean has(String tensor) {
        return homes.containsKey(tensor);
    }

    /** Holds the promise for a tensor that is needed against the files. */
    void check(String tensor, Optional<TensorInfo> found) {
        String promised = homes.get(tensor);
        TensorInfo info = found.orElse(null);
        if (promised != null
                && (info == null || !info.file().getFileName().toString().equals(promised))) {
            throw new BadInputException(
                    path.toString(),
                    "field 'weight_map' promises tensor '"
                            + tensor
                            + "' in "
                            + promised
                            + ", which does not have it",
                    ONE_PUBLICATION);
        }
        if (promised == null && info != null) {
            throw new BadInputException(
                    path.toString(),
                    "field 'weight_map' lacks tensor '"
                            + tensor
                            + "' of "
                            + info.file().getFileName(),
                    ONE_PUBLICATION);
        }
    }
}
