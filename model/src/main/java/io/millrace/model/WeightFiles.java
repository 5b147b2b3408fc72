package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/** The safetensors files of one model folder: a single one, or shards and their index. */
final class WeightFiles implements AutoCloseable {
    static final String SINGLE = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

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
    static WeightFiles open(Path directory) {
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
        try {
            for (Path path : paths) {
                files.add(SafetensorsFile.open(path));
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
        String mend = "use the index that was published with the weights";
        try {
            String text = new String(Files.readAllBytes(index), StandardCharsets.UTF_8);
            JsonObject json = Json.parseObject(text).object("weight_map");
            Map<String, String> map = new LinkedHashMap<>();
            for (String name : json.fields().keySet()) {
                String file = json.string(name);
                // The index must not lead out of the folder.
                if (file.isEmpty() || file.startsWith(".") || !file.matches("[^/\\\\\\x00]+")) {
                    throw new BadInputException(
                            index.toString(),
                            "field 'weight_map' sends '" + name + "' to the file '" + file + "'",
                            mend);
                }
                map.put(name, file);
            }
            return map;
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    index.toString(), "it is not a valid index: " + e.getMessage(), mend);
        } catch (IOException e) {
            throw new BadInputException(
                    index.toString(), "it cannot be read: " + e, "check its permissions");
        }
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
    List<SafetensorsFile> files() {
        return files;
    }

    /** All tensors by name, file by file in the order of each header. */
    Map<String, TensorInfo> tensors() {
        return tensors;
    }

    /** Reads a part of a tensor. */
    void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        homes.get(tensor.name()).read(tensor, offsetBytes, dst);
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
