package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.SideFile;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/** The safetensors files of one model folder: a single one, or shards and their index. */
public final class WeightFiles implements AutoCloseable {
    public static final String SINGLE = "model.safetensors";
    public static final String INDEX = "model.safetensors.index.json";

    /** A tensor takes some 150 bytes: room for more of them than are read. */
    private static final long MAX_INDEX_BYTES = 64L << 20;

    private static final String INDEX_MEND = "use the index that was published with the weights";

    private final List<SafetensorsFile> files;
    private final Map<String, SafetensorsFile> homes;
    private final Map<String, TensorInfo> tensors;

    private WeightFiles(List<SafetensorsFile> files) {
        this.files = List.copyOf(files);
        Map<String, SafetensorsFile> byName = new LinkedHashMap<>();
        Map<String, TensorInfo> infos = new LinkedHashMap<>();
        for (SafetensorsFile file : files) {
            for (TensorInfo tensor : file.tensors().values()) {
                SafetensorsFile other = byName.putIfAbsent(tensor.name(), file);
                if (other != null) {
                    throw new BadInputException(
                            file.path().toString(),
                            "tensor '" + tensor.name() + "' is also in " + other.path(),
                            "keep it in one file");
                }
                infos.put(tensor.name(), tensor);
            }
        }
        this.homes = byName;
        this.tensors = Collections.unmodifiableMap(infos);
    }

    /** Opens and checks every weight file of a folder. */
    public static WeightFiles open(Path directory) {
        Path single = directory.resolve(SINGLE);
        Path index = directory.resolve(INDEX);
        if (Files.exists(single)) {
            return open(List.of(single));
        }
        if (!Files.exists(index)) {
            throw noWeights(directory);
        }
        Map<String, String> weightMap = weightMap(index);
        WeightFiles weights =
                open(new TreeSet<>(weightMap.values()).stream().map(directory::resolve).toList());
        try {
            weights.checkIndex(index, weightMap);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
        return weights;
    }

    private static WeightFiles open(List<Path> paths) {
        List<SafetensorsFile> files = new ArrayList<>();
        long tensors = 0;
        long metadataChars = 0;
        try {
            for (Path path : paths) {
                SafetensorsFile file = SafetensorsFile.open(path);
                files.add(file);
                tensors += file.tensors().size();
                metadataChars += file.header().metadataChars();
                SafetensorsHeader.checkCount(path, tensors);
                SafetensorsHeader.checkMetadata(path, metadataChars);
            }
            return new WeightFiles(files);
        } catch (RuntimeException e) {
            files.forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static BadInputException noWeights(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            List<String> names = entries.map(path -> path.getFileName().toString()).toList();
            if (names.stream().anyMatch(name -> name.endsWith(".safetensors"))) {
                return new BadInputException(
                        directory.toString(),
                        "has safetensors files but neither " + SINGLE + " nor " + INDEX,
                        "add the index that was published with them");
            }
            if (names.stream().anyMatch(name -> name.startsWith("pytorch_model"))) {
                return new BadInputException(
                        directory.toString(),
                        "has its weights only as pytorch_model.bin",
                        "convert them with save_pretrained(..., safe_serialization=True)");
            }
            return new BadInputException(
                    directory.toString(),
                    "has no weights",
                    "put " + SINGLE + ", or shards and " + INDEX + ", into it");
        } catch (IOException e) {
            throw new UncheckedIOException("listing " + directory, e);
        }
    }

    private static Map<String, String> weightMap(Path index) {
        Map<String, String> map = new LinkedHashMap<>();
        SideFile.stream(
                index,
                MAX_INDEX_BYTES,
                INDEX_MEND,
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
                    index.toString(), "field 'weight_map' is missing or empty", INDEX_MEND);
        }
        return map;
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
                    INDEX_MEND);
        }
        return home;
    }

    private void checkIndex(Path index, Map<String, String> weightMap) {
        weightMap.forEach((name, file) -> {
            SafetensorsFile home = homes.get(name);
            if (home == null || !home.path().getFileName().toString().equals(file)) {
                throw new BadInputException(
                        index.toString(),
                        "field 'weight_map' promises tensor '"
                                + name
                                + "' in "
                                + file
                                + ", which does not have it",
                        "use the index and the shards of one publication");
            }
        });
        for (TensorInfo tensor : tensors.values()) {
            if (!weightMap.containsKey(tensor.name())) {
                throw new BadInputException(
                        index.toString(),
                        "field 'weight_map' lacks tensor '"
                                + tensor.name()
                                + "' of "
                                + tensor.file().getFileName(),
                        "use the index and the shards of one publication");
            }
        }
    }

    /** The files, by name. */
    public List<SafetensorsFile> files() {
        return files;
    }

    /** All tensors by name, file by file in the order of each header. */
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    /** Reads a part of a tensor. */
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        homes.get(tensor.name()).read(tensor, offsetBytes, dst);
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
