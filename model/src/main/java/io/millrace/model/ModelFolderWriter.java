package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.spec.Slices;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Writes a model folder: shards, and small files beside them. Nothing has its final name before
 * everything is on the disk.
 *
 * <p>Files take their names one by one, so a crash among them leaves some of the new model and some
 * of one that was there. The configuration tells: it goes first and comes back last, and without it
 * no program takes the folder for a model.
 */
public final class ModelFolderWriter implements AutoCloseable {
    /** The configuration of a model. */
    static final String CONFIG = "config.json";

    private static final Pattern WEIGHTS =
            Pattern.compile(
                    ".*\\.safetensors|(pytorch_)?model.*\\.bin|(pytorch_)?model\\..*\\.index\\.json");

    private final DurableFiles files;
    private final Path directory;
    private final String mark;
    private final Map<String, byte[]> sideFiles;
    private final List<SafetensorsWriter> writers = new ArrayList<>();
    private final Map<String, SafetensorsWriter> homes = new HashMap<>();
    private final Map<String, SafetensorsWriter> byFile = new HashMap<>();
    private boolean publishing;

    /**
     * One weight file to be.
     *
     * @param fileName its name
     * @param metadata strings of its header
     * @param tensors what it will hold
     */
    public record Shard(
            String fileName, Map<String, String> metadata, List<SafetensorsWriter.Entry> tensors) {
        long fileBytes() {
            return SafetensorsWriter.fileBytes(metadata, tensors);
        }
    }

    private ModelFolderWriter(
            DurableFiles files, Path directory, String mark, Map<String, byte[]> sideFiles) {
        this.files = files;
        this.directory = directory;
        this.mark = mark;
        this.sideFiles = Map.copyOf(sideFiles);
    }

    /**
     * Begins the folder of a model.
     *
     * @param files how it reaches the disk
     * @param directory made where it does not exist
     * @param shards the weight files
     * @param sideFiles the contents of all other files by name, the configuration among them
     * @throws BadInputException when the folder cannot take it, or has another model's weights
     */
    public static ModelFolderWriter create(
            DurableFiles files, Path directory, List<Shard> shards, Map<String, byte[]> sideFiles) {
        return create(files, directory, CONFIG, shards, sideFiles);
    }

    /**
     * Begins any folder of weights.
     *
     * @param files how it reaches the disk
     * @param directory made where it does not exist
     * @param mark the side file without which no program takes the folder for what it is
     * @param shards the weight files
     * @param sideFiles the contents of all other files by name
     * @throws BadInputException when the folder cannot take it, or has other weights
     */
    public static ModelFolderWriter create(
            DurableFiles files,
            Path directory,
            String mark,
            List<Shard> shards,
            Map<String, byte[]> sideFiles) {
        if (!sideFiles.containsKey(mark)) {
            throw new IllegalArgumentException("a folder without " + mark);
        }
        long bytes = shards.stream().mapToLong(Shard::fileBytes).sum();
        for (byte[] content : sideFiles.values()) {
            bytes += content.length;
        }
        checkWritable(directory, bytes);
        Set<String> weightFiles = new HashSet<>();
        shards.forEach(shard -> weightFiles.add(shard.fileName()));
        if (sideFiles.containsKey(WeightFiles.INDEX)) {
            weightFiles.add(WeightFiles.INDEX);
        }
        checkNoOtherWeights(directory, weightFiles);
        ModelFolderWriter folder = new ModelFolderWriter(files, directory, mark, sideFiles);
        try {
            files.createFolders(directory);
            for (Shard shard : shards) {
                folder.add(shard);
            }
            return folder;
        } catch (RuntimeException e) {
            folder.close();
            throw e;
        }
    }

    private void add(Shard shard) {
        SafetensorsWriter writer =
                SafetensorsWriter.create(
                        files,
                        directory.resolve(shard.fileName()),
                        shard.metadata(),
                        shard.tensors());
        writers.add(writer);
        byFile.put(shard.fileName(), writer);
        for (SafetensorsWriter.Entry tensor : shard.tensors()) {
            homes.putIfAbsent(tensor.name(), writer);
        }
    }

    /** Refuses a folder that cannot be made or written, or whose disk lacks room. */
    static void checkWritable(Path directory, long bytesNeeded) {
        Path existing = directory.toAbsolutePath().normalize();
        while (existing.getParent() != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            throw new BadInputException(
                    directory.toString(), existing + " is not a folder", "choose another folder");
        }
        try {
            Files.delete(Files.createTempFile(existing, ".millrace", ".probe"));
            long free = Files.getFileStore(existing).getUsableSpace();
            if (free < bytesNeeded) {
                throw new BadInputException(
                        directory.toString(),
                        "needs "
                                + ByteSize.format(bytesNeeded)
                                + " but the disk has "
                                + ByteSize.format(free)
                                + " left",
                        "free some space or choose a folder on another disk");
            }
        } catch (IOException e) {
            throw new BadInputException(
                    directory.toString(),
                    "cannot be written",
                    "check permissions and free space, or choose another folder");
        }
    }

    /** Refuses a folder that holds anything but what an attempt before left unfinished. */
    public static void checkEmpty(Path directory) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            if (entries.anyMatch(entry -> !DurableFiles.isPart(entry))) {
                throw new BadInputException(
                        directory.toString(), "is not empty", "give another folder");
            }
        } catch (IOException e) {
            throw DurableFiles.failed("listing", directory, e);
        }
    }

    /** Weights of another model in the folder would be loaded instead of, or along with, ours. */
    private static void checkNoOtherWeights(Path directory, Set<String> ours) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            entries.map(path -> path.getFileName().toString())
                    .filter(name -> WEIGHTS.matcher(name).matches())
                    .filter(name -> !ours.contains(name))
                    .findFirst()
                    .ifPresent(name -> {
                        throw new BadInputException(
                                directory.toString(),
                                "holds " + name + " of another model",
                                "choose an empty folder");
                    });
        } catch (IOException e) {
            throw DurableFiles.failed("listing", directory, e);
        }
    }

    /** The index that says which of some shards has which tensor. */
    public static byte[] index(List<Shard> shards) {
        Map<String, Object> homes = new TreeMap<>(ModelLayout.BYTEWISE);
        for (Shard shard : shards) {
            shard.tensors().forEach(tensor -> homes.put(tensor.name(), shard.fileName()));
        }
        Map<String, Object> index = new LinkedHashMap<>();
        index.put("metadata", Map.of("total_size", totalBytes(shards)));
        index.put("weight_map", homes);
        return Json.writePretty(index).getBytes(StandardCharsets.UTF_8);
    }

    static long totalBytes(List<Shard> shards) {
        return shards.stream()
                .flatMap(shard -> shard.tensors().stream())
                .mapToLong(SafetensorsWriter.Entry::sizeBytes)
                .sum();
    }

    /**
     * Writes a part of a tensor or of one of its {@link Slices}; where files share a name, of the
     * first that has it.
     */
    public void write(String name, long offsetBytes, MemorySegment bytes) {
        SafetensorsWriter home = homes.get(name);
        (home == null ? homes.get(Slices.whole(name)) : home).write(name, offsetBytes, bytes);
    }

    /** Writes a part of a tensor of one of the files; each byte is to be written once. */
    public void writeInto(String fileName, String name, long offsetBytes, MemorySegment bytes) {
        byFile.get(fileName).write(name, offsetBytes, bytes);
    }

    /** Sees everything onto the disk, then gives every file its final name. */
    public void commit() {
        writers.forEach(SafetensorsWriter::finish);
        sideFiles.forEach((name, content) -> files.writePart(directory.resolve(name), content));
        files.syncFolder(directory);
        Path last = directory.resolve(mark);
        publishing = true;
        if (Files.exists(last)) {
            files.delete(last);
            files.syncFolder(directory);
        }
        writers.forEach(SafetensorsWriter::publish);
        sideFiles.keySet().stream()
                .filter(name -> !name.equals(mark))
                .forEach(name -> files.publish(directory.resolve(name)));
        files.syncFolder(directory);
        files.publish(last);
        files.syncFolder(directory);
    }

    /** Removes what was not committed; parts stay once they are all that the folder has. */
    @Override
    public void close() {
        if (publishing) {
            return;
        }
        writers.forEach(SafetensorsWriter::close);
        for (String name : sideFiles.keySet()) {
            files.delete(DurableFiles.part(directory.resolve(name)));
        }
    }
}
