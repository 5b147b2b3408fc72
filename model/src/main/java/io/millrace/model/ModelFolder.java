package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SideFiles;
import io.millrace.model.file.WeightFiles;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What a folder has to be before anything in it is read. */
final class ModelFolder {
    /** Tokenizer, configurations and licences of published models have up to 50 MB together. */
    private static final long MAX_SIDE_BYTES = 192L << 20;

    private ModelFolder() {}

    /**
     * Checks a folder.
     *
     * @throws BadInputException when it is missing, is an adapter's, or has more beside its weights
     *     than a heap has room for
     */
    static void check(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new BadInputException(
                    directory.toString(),
                    Files.exists(directory) ? "is not a folder" : "there is no such folder",
                    "name a folder with config.json and model.safetensors");
        }
        refuseAdapter(directory);
        checkSideFiles(directory);
    }

    /** Its {@code config.json}, or what a file of weights says in the place of one. */
    static ModelConfig config(Path directory) {
        Path file = directory.resolve("config.json");
        if (Files.exists(file) || !WeightFiles.haveConfig(directory)) {
            return ModelConfig.read(file);
        }
        try (WeightFiles weights = WeightFiles.open(directory)) {
            return ModelConfig.of(
                    weights.files().getFirst().path().toString(),
                    new JsonObject(weights.config().orElseThrow()));
        }
    }

    private static void refuseAdapter(Path directory) {
        if (Files.exists(directory.resolve("adapter_config.json"))
                && !Files.exists(directory.resolve("config.json"))) {
            throw new BadInputException(
                    directory.toString(),
                    "is the folder of an adapter, which has no model in it",
                    "give its base with --model and it with --adapter, or make one model of both"
                            + " with 'millrace merge'");
        }
    }

    /** They are held whole to be copied beside tuned weights: better refused now than then. */
    private static void checkSideFiles(Path directory) {
        long bytes = 0;
        try (Stream<Path> entries = Files.list(directory)) {
            for (Path file : entries.filter(Files::isRegularFile).sorted().toList()) {
                if (SideFiles.isOne(file.getFileName().toString())) {
                    bytes += Files.size(file);
                    if (bytes > MAX_SIDE_BYTES) {
                        throw new BadInputException(
                                file.toString(),
                                "with it the files beside the weights have more than "
                                        + MAX_SIDE_BYTES
                                        + " bytes",
                                "move away those that do not belong to the model");
                    }
                }
            }
        } catch (IOException e) {
            throw new BadInputException(
                    directory.toString(), "cannot be listed: " + e, "check its permissions");
        }
    }
}
