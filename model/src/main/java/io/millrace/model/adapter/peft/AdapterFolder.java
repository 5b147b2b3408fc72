package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.config.SideFile;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TorchFile;
import io.millrace.model.file.WeightFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** What every adapter folder has: a configuration that names its type, and weights. */
final class AdapterFolder {
    private static final String PICKLED = "adapter_model.bin";

    private AdapterFolder() {}

    /** Refuses a folder that is not there, or has no configuration of an adapter. */
    static void require(Path folder) {
        String mend =
                "name a folder with " + AdapterWriter.CONFIG + " and " + AdapterWriter.WEIGHTS;
        if (!Files.isDirectory(folder)) {
            boolean part =
                    folder.getFileName() != null && Files.isDirectory(DurableFiles.part(folder));
            throw new BadInputException(
                    folder.toString(),
                    Files.exists(folder)
                            ? "is not a folder"
                            : part
                                    ? "there is only its part: it was never written to its end"
                                    : "there is no such folder",
                    part ? "write the adapter again" : mend);
        }
        if (!Files.exists(folder.resolve(AdapterWriter.CONFIG))) {
            throw new BadInputException(
                    folder.toString(),
                    Files.exists(folder.resolve("config.json"))
                            ? "is a model and no adapter: it has no " + AdapterWriter.CONFIG
                            : "has no " + AdapterWriter.CONFIG,
                    mend);
        }
    }

    /** The file of weights, which is there, as PEFT looks for it. */
    static Path weights(Path folder) {
        for (String name : List.of(AdapterWriter.WEIGHTS, PICKLED)) {
            if (Files.exists(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        throw new BadInputException(
                folder.toString(),
                "has " + AdapterWriter.CONFIG + " and no " + AdapterWriter.WEIGHTS,
                "use a whole copy, or save the adapter again");
    }

    /** The same, open. */
    static WeightFile open(Path folder) {
        Path file = weights(folder);
        return file.endsWith(PICKLED) ? TorchFile.open(file) : SafetensorsFile.open(file);
    }

    /**
     * The type of a folder's adapter.
     *
     * @param known those that are read
     * @throws BadInputException when it is none of them
     */
    static String type(Path folder, Set<String> known) {
        require(folder);
        Path file = folder.resolve(AdapterWriter.CONFIG);
        ConfigReader config =
                new ConfigReader(file.toString(), SideFile.read(file, ConfigReader.MEND));
        String field = ConfigField.PEFT_TYPE.key();
        String type = config.string(field, "");
        if (type.isEmpty()) {
            throw config.bad(field, "is missing", "give a folder that PEFT saved an adapter in");
        }
        if (!known.contains(type)) {
            throw config.bad(
                    field,
                    "is '" + type + "', and of the types " + said(known) + " read",
                    "give one of these; where the method can be merged, do it with PEFT's"
                            + " merge_and_unload");
        }
        return type;
    }

    private static String said(Set<String> known) {
        return known.size() == 1
                ? known.iterator().next() + " alone is"
                : String.join(", ", known) + " are";
    }
}
