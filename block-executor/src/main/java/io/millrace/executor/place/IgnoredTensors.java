package io.millrace.executor.place;

import io.millrace.model.Checkpoint;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** Says which stored tensors a model does not use: its owner may think that it does. */
final class IgnoredTensors {
    private static final System.Logger LOG = System.getLogger(IgnoredTensors.class.getName());
    private static final int NAMED = 5;

    /** Folders that it was said of: a search for a learning rate opens one many times. */
    private static final Set<Path> TOLD = ConcurrentHashMap.newKeySet();

    private IgnoredTensors() {}

    static void tell(Checkpoint checkpoint) {
        List<String> names = checkpoint.ignoredTensors();
        if (!names.isEmpty() && TOLD.add(checkpoint.directory().toAbsolutePath().normalize())) {
            LOG.log(Level.WARNING, line(checkpoint.directory(), names));
        }
    }

    static String line(Path folder, List<String> names) {
        return folder
                + " holds "
                + (names.size() == 1 ? "a tensor" : names.size() + " tensors")
                + " that config.json does not ask for; not used, copied as stored: "
                + names.stream()
                        .limit(NAMED)
                        .map(name -> name.replaceAll("\\p{Cntrl}", "?"))
                        .collect(Collectors.joining(", "))
                + (names.size() > NAMED ? ", ..." : "");
    }
}
