package io.millrace.telemetry.report;

import java.util.Arrays;

/** What the files of a run's folder are for. */
enum RunFile {
    WEIGHTS("\\w*model.*\\.safetensors(\\.index\\.json)?", "the tuned weights"),
    JOURNAL("journal\\.jsonl", "what the run did: with the base it makes the weights again"),
    METRICS("metrics\\.jsonl", "figures of every step and evaluation"),
    TABLE("metrics\\.csv", "the same as a table"),
    CARD("README\\.md", "what the model is, and how to load it"),
    RECIPE("recipe\\.yaml", "repeats the run: millrace tune recipe.yaml --out ANOTHER"),
    RUN("run\\.json", "options, base and machine"),
    MLFLOW("mlflow\\.json", "which run it is at MLflow"),
    CONFIG("(adapter_)?config\\.json|generation_config\\.json", "the model's configuration"),
    TOKENIZER(".*token.*|vocab.*|merges.*|chat_template.*", "the tokenizer"),
    OTHER(".*", "");

    private final String pattern;
    private final String what;

    RunFile(String pattern, String what) {
        this.pattern = pattern;
        this.what = what;
    }

    static String what(String name) {
        return Arrays.stream(values())
                .filter(file -> name.matches(file.pattern))
                .findFirst()
                .orElseThrow()
                .what;
    }
}
