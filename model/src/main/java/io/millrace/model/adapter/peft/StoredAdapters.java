package io.millrace.model.adapter.peft;

import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.VirtualSettings;
import io.millrace.model.adapter.cores.TensorTrains;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Reads adapter folders by their {@code peft_type}. A new type is a line here. */
public final class StoredAdapters {
    private static final Map<String, Opener> OPENERS =
            new TreeMap<>(
                    Map.of(
                            LoraAdapter.TYPE,
                            LoraAdapter::open,
                            Ia3Adapter.TYPE,
                            Ia3Adapter::open,
                            TensorTrains.TYPE,
                            TensorTrainAdapter::open,
                            VirtualSettings.Type.PROMPT_TUNING.name(),
                            VirtualAdapter::openPrompt,
                            VirtualSettings.Type.PREFIX_TUNING.name(),
                            VirtualAdapter::openPrefix));

    /** Opens folders of one type. */
    @FunctionalInterface
    private interface Opener {
        StoredAdapter open(Path folder, Checkpoint base);
    }

    private StoredAdapters() {}

    /** The file of weights of a folder, which is there. */
    public static Path weights(Path folder) {
        return AdapterFolder.weights(folder);
    }

    /**
     * Checks what can be checked of a folder without its base.
     *
     * @throws io.millrace.memory.BadInputException when it is of a type that is not read, or its
     *     weights are not whole
     */
    public static void check(Path folder) {
        AdapterFolder.type(folder, OPENERS.keySet());
        AdapterFolder.open(folder).close();
    }

    /**
     * Opens a folder and checks that it is a whole adapter of a base.
     *
     * @param folder with {@code adapter_config.json} and {@code adapter_model.safetensors}
     * @param base the model that it was trained on
     * @throws io.millrace.memory.BadInputException when it is not whole, is of a type that is not
     *     read, or is another base's
     */
    public static StoredAdapter open(Path folder, Checkpoint base) {
        String type = AdapterFolder.type(folder, OPENERS.keySet());
        return OPENERS.get(type).open(folder, base);
    }
}
