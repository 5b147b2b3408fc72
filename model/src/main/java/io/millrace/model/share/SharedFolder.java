package io.millrace.model.share;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.peft.StoredAdapters;
import io.millrace.model.export.ModelCard;
import io.millrace.model.file.SideFiles;
import io.millrace.model.file.WeightFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What of a folder is for others: a model's weights, or an adapter's, what is needed beside them,
 * licences and the page. What tells of the run that made them is not: it names files of a machine.
 *
 * @param kind what lies in the folder
 * @param files that are for others, by name
 * @param left names of the files and folders that are not
 */
public record SharedFolder(Kind kind, List<Path> files, List<String> left) {
    /** What lies in a folder. */
    public enum Kind {
        /** A whole model. */
        MODEL,
        /** An adapter beside one. */
        ADAPTER
    }

    /** Freezes the lists. */
    public SharedFolder {
        files = List.copyOf(files);
        left = List.copyOf(left);
    }

    /**
     * Looks at a folder.
     *
     * @throws BadInputException where it is neither a model's nor an adapter's, or is not whole
     */
    public static SharedFolder of(Path folder) {
        boolean adapter =
                Files.exists(folder.resolve(AdapterWriter.CONFIG))
                        && !Files.exists(folder.resolve("config.json"));
        Set<String> weights = adapter ? ofAdapter(folder) : ofModel(folder);
        List<Path> files = new ArrayList<>();
        List<String> left = new ArrayList<>();
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path entry : entries.sorted().toList()) {
                String name = entry.getFileName().toString();
                if (DurableFiles.isPart(entry)) {
                    throw new BadInputException(
                            entry.toString(),
                            "was never written to its end",
                            "write the folder again, or remove it");
                }
                boolean wanted =
                        weights.contains(name)
                                || SideFiles.isOne(name)
                                || name.equals(ModelCard.FILE);
                if (wanted && Files.isRegularFile(entry)) {
                    files.add(entry);
                } else {
                    left.add(name);
                }
            }
        } catch (IOException e) {
            throw new BadInputException(
                    folder.toString(), "cannot be listed: " + e, "check its permissions");
        }
        return new SharedFolder(adapter ? Kind.ADAPTER : Kind.MODEL, files, left);
    }

    private static Set<String> ofAdapter(Path folder) {
        StoredAdapters.check(folder);
        return Set.of(
                AdapterWriter.CONFIG, StoredAdapters.weights(folder).getFileName().toString());
    }

    private static Set<String> ofModel(Path folder) {
        try (Checkpoint model = Checkpoint.open(folder)) {
            Set<String> names = new TreeSet<>();
            for (WeightFile file : model.weights().files()) {
                names.add(file.path().getFileName().toString());
            }
            if (model.weights().isSharded()) {
                names.add(model.weights().form().index());
            }
            return names;
        }
    }
}
