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
    private final UnaryOperator<String> names;
    private final Map<String, WeightFile> homes = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private WeightFiles(
            WeightForm form,
            List<WeightFile> files,
            Optional<WeightIndex> index,
            boolean renamed,
            UnaryOperator<String> names,
            Map<String, Integer> cut) {
        this.form = form;
        this.names = names;
        this.files = List.copyOf(files);
        this.index = index;
        this.renamed = renamed;
        Map<String, WeightFile> seen = new HashMap<>();
        for (WeightFile file : files) {
            for (TensorInfo tensor : file.tensors().values()) {
                String name = names.apply(tensor.name());
                WeightFile other = seen.putIfAbsent(name, file);
                if (other != null) {
                    throw new BadInputException(
                            file.path().toString(),
                            "tensor '" + tensor.name() + "' is also in " + other.path(),
                            "keep it in one file");
                }
                TensorInfo known = renamed ? tensor.named(name) : tensor;
                if (cut.containsKey(name)) {
                    known.slices(cut.get(name)).forEach(slice -> put(slice, file));
                } else {
                    put(known, file);
                }
            }
        }
    }

    private void put(TensorInfo tensor, WeightFile file) {
        homes.put(tensor.name(), file);
        tensors.put(tensor.name(), tensor);
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
        throw noWeights(directory);
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
            return new WeightFiles(form, files, index, false, UnaryOperator.identity(), Map.of());
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
                            .filter(name -> name.matches(".*\\.(gguf|h5|msgpack|pt|pth|onnx)"))
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
     * @param other from the name in the files to another that no other tensor gets
     */
    public WeightFiles renamed(UnaryOperator<String> other) {
        return new WeightFiles(
                form, files, index.map(promised -> promised.renamed(other)), true, other, Map.of());
    }

    /**
     * The same files with some tensors as their {@link Slices}; closing either closes both.
     *
     * @param wholes each with the number of its slices
     * @throws BadInputException when a tensor has another first extent
     */
    public WeightFiles sliced(Map<String, Integer> wholes) {
        return new WeightFiles(form, files, index, renamed, names, wholes);
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
        index.ifPresent(promised -> needed.forEach(name -> check(promised, name)));
    }

    private void check(WeightIndex promised, String name) {
        TensorInfo found = tensors.get(name);
        boolean own = promised.has(name) || !promised.has(Slices.whole(name));
        promised.check(own ? name : Slices.whole(name), Optional.ofNullable(found));
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

    /** Reads a part of a tensor. */
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        homes.get(tensor.name()).read(tensor, offsetBytes, dst);
    }

    @Override
    public void close() {
        files.forEach(WeightFile::close);
    }
}
