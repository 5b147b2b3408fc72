package io.millrace.model.text.row;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The files of a data set. A folder stands for the data files in it and in the folders below, in
 * the order of their paths; with a split, for those that it names: {@code train.jsonl}, {@code
 * train-00000-of-00002.parquet}, {@code data/train_0.csv.gz}, or whatever lies in a folder {@code
 * train}.
 */
public final class DataFiles {
    private static final int DEEPEST = 6;

    /** Facts about a data set that lie beside it. */
    private static final Set<String> NO_DATA =
            Set.of(
                    "dataset_info.json",
                    "dataset_infos.json",
                    "dataset_dict.json",
                    "state.json",
                    "config.json",
                    "metadata.json",
                    "license.txt",
                    "licence.txt",
                    "readme.txt",
                    "requirements.txt");

    private DataFiles() {}

    /**
     * The files that a path stands for.
     *
     * @param path a file, a pipe, or a folder
     * @param split the part of a folder, or empty for what is usual
     * @param usual splits of which the first that the folder has is meant where none is given; a
     *     folder that has none of them is taken whole
     * @return one file at least
     * @throws BadInputException when there are none
     */
    public static List<Path> of(Path path, Optional<String> split, List<String> usual) {
        if (!Files.isDirectory(path)) {
            if (split.isPresent()) {
                throw new BadInputException(
                        "--split",
                        "is given, and " + path + " is not a folder",
                        "leave it out, or give the folder of a data set");
            }
            return List.of(path);
        }
        List<Path> all = filesBelow(path);
        if (all.isEmpty()) {
            throw new BadInputException(
                    path.toString(),
                    "is a folder without data files",
                    "give one with .jsonl, .json, .csv, .tsv, .parquet or .txt files, or a file");
        }
        if (split.isPresent()) {
            List<Path> named = ofSplit(path, all, split.get());
            if (named.isEmpty()) {
                throw new BadInputException(
                        "--split",
                        path + " has no files of '" + split.get() + "'",
                        "give one of those that it has: "
                                + String.join(", ", new TreeSet<>(names(path, all))));
            }
            return named;
        }
        return usual.stream()
                .map(name -> ofSplit(path, all, name))
                .filter(files -> !files.isEmpty())
                .findFirst()
                .orElse(all);
    }

    private static List<Path> filesBelow(Path folder) {
        try (Stream<Path> below = Files.walk(folder, DEEPEST)) {
            return below.filter(Files::isRegularFile)
                    .filter(file -> !isHidden(folder, file))
                    .filter(file -> !NO_DATA.contains(name(file)))
                    .filter(RowFormats::isKnown)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new BadInputException(
                    folder.toString(), "cannot be read (" + e + ")", "check its permissions");
        }
    }

    private static boolean isHidden(Path folder, Path file) {
        for (Path part : folder.relativize(file)) {
            if (part.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }

    private static List<Path> ofSplit(Path folder, List<Path> files, String split) {
        return files.stream().filter(file -> isOf(folder, file, split)).toList();
    }

    private static boolean isOf(Path folder, Path file, String split) {
        String name = name(file);
        String wanted = split.toLowerCase(Locale.ROOT);
        if (name.startsWith(wanted)
                && name.length() > wanted.length()
                && "-._".indexOf(name.charAt(wanted.length())) >= 0) {
            return true;
        }
        Path parent = folder.relativize(file).getParent();
        while (parent != null) {
            if (name(parent).equals(wanted)) {
                return true;
            }
            parent = parent.getParent();
        }
        return false;
    }

    /** What may be splits: the names of files up to their first mark. */
    private static List<String> names(Path folder, List<Path> files) {
        return files.stream()
                .map(file -> name(folder.relativize(file)).split("[-._]", 2)[0])
                .distinct()
                .toList();
    }

    private static String name(Path file) {
        return String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    }
}
