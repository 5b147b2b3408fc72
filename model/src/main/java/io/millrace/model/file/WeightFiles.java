package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.model.spec.Slices;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** The files of weights of one model folder: a single one, or shards and their index. */
public final class WeightFiles implements AutoCloseable {
    public static final String SINGLE = WeightForm.SAFETENSORS.single();
    public static final String INDEX = WeightForm.SAFETENSORS.index();

    private final WeightForm form;
    private final List<WeightFile> files;
    private final Optional<WeightIndex> index;
    private final boolean renamed;
    private final Map<Path, WeightFile> homes = new HashMap<>();
    private final Map<String, TensorInfo> stored;
    private final Map<String, TensorInfo> tensors;

    private WeightFiles(
            WeightForm form,
            List<WeightFile> files,
            Optional<WeightIndex> index,
            boolean renamed,
            Map<String, TensorInfo> stored,
            Map<String, TensorInfo> tensors) {
        this.form = form;
        this.files = List.copyOf(files);
        this.index = index;
        this.renamed = renamed;
        this.stored = stored;
        this.tensors = tensors;
        files.forEach(file -> homes.put(file.path(), file));
    }

    private static Map<String, TensorInfo> tensorsOf(List<WeightFile> files) {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        for (WeightFile file : files) {
            file.tensors().values().forEach(tensor -> add(tensors, tensor.name(), tensor));
        }
        return tensors;
    }

    private static void add(Map<String, TensorInfo> tensors, String name, TensorInfo tensor) {
        TensorInfo other = tensors.putIfAbsent(name, tensor);
        if (other != null) {
            throw new BadInputException(
                    tensor.file().toString(),
                    "tensor '" + tensor.name() + "' is also in " + other.file(),
                    "keep it in one file");
        }
    }

    /** Opens and checks every weight file of a folder; of several forms the first. */
    public static WeightFiles open(Path directory) {
        for (WeightForm form : WeightForm.values()) {
            if (isThere(directory.resolve(form.single()))) {
                return open(form, directory, List.of(form.single()), Optional.empty());
            }
            if (isThere(directory.resolve(form.index()))) {
                WeightIndex index = WeightIndex.read(directory.resolve(form.index()));
                return open(form, directory, index.files(), Optional.of(index));
            }
        }
        List<String> gguf = ggufFiles(directory);
        if (gguf.size() == 1) {
            return open(WeightForm.GGUF, directory, gguf, Optional.empty());
        }
        if (gguf.size() > 1) {
            throw new BadInputException(
                    directory.toString(),
                    "has several GGUF files, such as " + gguf.get(0) + " and " + gguf.get(1),
                    "keep the one that is meant, whole: parts are not put together");
        }
        throw noWeights(directory);
    }

    private static List<String> ggufFiles(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(".gguf"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException("listing " + directory, e);
        }
    }

    /**
     * The shards that an index names, each a plain name within its folder.
     *
     * @throws BadInputException when it is none, or leads out of its folder
     */
    public static SortedSet<String> shards(Path index) {
        return WeightIndex.read(index).files();
    }

    /** A link whose target is gone is there, too: it is named when it is opened. */
    private static boolean isThere(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    private static WeightFiles open(
            WeightForm form,
            Path directory,
            Collection<String> names,
            Optional<WeightIndex> index) {
        List<WeightFile> files = new ArrayList<>();
        long tensors = 0;
        long metadataChars = 0;
        try {
            for (String name : names) {
                Path path = directory.resolve(name);
                WeightFile file = form.open(path);
                files.add(file);
                tensors += file.tensors().size();
                metadataChars += SafetensorsHeader.metadataChars(file.metadata());
                SafetensorsHeader.checkCount(path, tensors);
                SafetensorsHeader.checkMetadata(path, metadataChars);
            }
            Map<String, TensorInfo> stored = tensorsOf(files);
            return new WeightFiles(form, files, index, false, stored, stored);
        } catch (RuntimeException e) {
            files.forEach(WeightFile::close);
            throw e;
        }
    }

    private static BadInputException noWeights(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            List<String> names = entries.map(path -> path.getFileName().toString()).toList();
            for (WeightForm form : WeightForm.values()) {
                String extension = form.single().substring(form.single().lastIndexOf('.'));
                if (names.stream().anyMatch(name -> name.endsWith(extension))) {
                    return new BadInputException(
                            directory.toString(),
                            "has "
                                    + extension.substring(1)
                                    + " files but neither "
                                    + form.single()
                                    + " nor "
                                    + form.index(),
                            "add the index that was published with them");
                }
            }
            Optional<String> other =
                    names.stream()
                            .filter(name -> name.matches(".*\\.(h5|msgpack|pt|pth|onnx)"))
                            .findFirst();
            if (other.isPresent()) {
                return new BadInputException(
                        directory.toString(),
                        "has no weights but " + other.get() + ", a form that is not read",
                        "convert them to safetensors with save_pretrained");
            }
            return new BadInputException(
                    directory.toString(),
                    "has no weights",
                    "put " + SINGLE + ", or shards and " + INDEX + ", into it");
        } catch (IOException e) {
            throw new UncheckedIOException("listing " + directory, e);
        }
    }

    /**
     * The same files with their tensors by other names; closing either closes both.
     *
     * @param names from the name in the files to another that no other tensor gets
     */
    public WeightFiles renamed(UnaryOperator<String> names) {
        Map<String, TensorInfo> other = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> {
            String called = names.apply(name);
            add(other, called, tensor.named(called));
        });
        Optional<WeightIndex> promised = index.map(old -> old.renamed(names));
        return new WeightFiles(form, files, promised, true, stored, other);
    }

    /**
     * The same files, some of whose tensors stand for parts of others; closing either closes both.
     *
     * @param made every tensor by name: those of the files that are whole, and those of parts
     */
    public WeightFiles assembled(Map<String, TensorInfo> made) {
        return new WeightFiles(form, files, index, renamed, stored, new LinkedHashMap<>(made));
    }

    /**
     * The same files with some tensors as their {@link Slices}; closing either closes both.
     *
     * @param wholes each with the number of its slices
     * @throws BadInputException when a tensor has another first extent
     */
    public WeightFiles sliced(Map<String, Integer> wholes) {
        Map<String, TensorInfo> cut = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> {
            if (wholes.containsKey(name)) {
                tensor.slices(wholes.get(name)).forEach(slice -> add(cut, slice.name(), slice));
            } else {
                cut.put(name, tensor);
            }
        });
        return new WeightFiles(form, files, index, renamed, stored, cut);
    }

    /**
     * Holds the index, if there is one, against the files. Only what is needed counts: many an
     * index promises or lacks what nobody reads, such as a second copy of a tied head.
     *
     * @param needed names of tensors
     * @throws BadInputException when it sends one of them to a file that does not have it, or lacks
     *     one that a file has
     */
    public void checkIndex(Iterable<String> needed) {
        index.ifPresent(promised ->
                needed.forEach(name -> {
                    TensorInfo tensor = tensors.get(name);
                    if (tensor == null || tensor.parts().isEmpty()) {
                        boolean own = promised.has(name) || !promised.has(Slices.whole(name));
                        promised.check(
                                own ? name : Slices.whole(name), Optional.ofNullable(tensor));
                    } else {
                        tensor.parts().stream()
                                .map(TensorInfo::name)
                                .filter(stored::containsKey)
                                .filter(_ -> !renamed)
                                .forEach(part ->
                                        promised.check(part, Optional.of(stored.get(part))));
                    }
                }));
    }

    /** Whether a folder's weights are of a form that has a configuration of its own. */
    public static boolean haveConfig(Path directory) {
        for (WeightForm form : WeightForm.values()) {
            if (isThere(directory.resolve(form.single()))
                    || isThere(directory.resolve(form.index()))) {
                return form == WeightForm.GGUF;
            }
        }
        return Files.isDirectory(directory) && !ggufFiles(directory).isEmpty();
    }

    /** The configuration that the files have, where they have one. */
    public Optional<Map<String, Object>> config() {
        return files.getFirst() instanceof GgufFile gguf
                ? Optional.of(gguf.config())
                : Optional.empty();
    }

    /** In which form the files are. */
    public WeightForm form() {
        return form;
    }

    /** Whether the tensors have other names here than in the files. */
    public boolean isRenamed() {
        return renamed;
    }

    /** Whether there is an index. */
    public boolean isSharded() {
        return index.isPresent();
    }

    /** The files, by name. */
    public List<WeightFile> files() {
        return files;
    }

    /** All tensors by name, file by file in the order of each. */
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** Reads a part of a tensor, whose pieces follow one another. */
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        tensor.requirePart(offsetBytes, dst.byteSize());
        long end = offsetBytes + dst.byteSize();
        long before = 0;
        for (TensorInfo piece : tensor.pieces()) {
            long from = Math.max(offsetBytes, before);
            long to = Math.min(end, before + piece.sizeBytes());
            if (from < to) {
                MemorySegment part = dst.asSlice(from - offsetBytes, to - from);
                homes.get(piece.file()).read(piece, from - before, part);
            }
            before += piece.sizeBytes();
        }
    }

    @Override
    public void close() {
        files.forEach(WeightFile::close);
    }
}
