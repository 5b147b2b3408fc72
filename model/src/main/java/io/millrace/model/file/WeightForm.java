package io.millrace.model.file;

import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The forms in which models are published, in the order in which transformers looks for them. */
public enum WeightForm {
    /** What {@code save_pretrained} writes by itself since 2023. */
    SAFETENSORS("model.safetensors"),
    /** What it wrote before. */
    TORCH("pytorch_model.bin"),
    /** What llama.cpp reads: one file of any name, with its configuration in it. */
    GGUF("model.gguf");

    private static final Pattern TORCH_NAME = Pattern.compile("(?:pytorch_)?(.+)\\.bin");

    private final String single;

    WeightForm(String single) {
        this.single = single;
    }

    /** The name of a file that has all weights. */
    public String single() {
        return single;
    }

    /** The name of the file that says which shard has which tensor. */
    public String index() {
        return single + ".index.json";
    }

    WeightFile open(Path file) {
        return switch (this) {
            case SAFETENSORS -> SafetensorsFile.open(file);
            case TORCH -> TorchFile.open(file);
            case GGUF -> GgufFile.open(file);
        };
    }

    /** The name under which weights are written that were read from a file of this form. */
    public String written(String fileName) {
        if (this == GGUF) {
            return SAFETENSORS.single;
        }
        Matcher torch = TORCH_NAME.matcher(fileName);
        return this == TORCH && torch.matches() ? torch.group(1) + ".safetensors" : fileName;
    }
}
