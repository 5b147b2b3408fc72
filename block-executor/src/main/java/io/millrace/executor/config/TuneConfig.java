package io.millrace.executor.config;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One tuning run.
 *
 * @param model Hugging Face folder of the base model
 * @param data which examples it sees
 * @param arithmetic what decides the bytes of the result
 * @param memory where the bytes may be
 * @param output what it leaves behind
 */
public record TuneConfig(
        Path model,
        DataConfig data,
        ArithmeticConfig arithmetic,
        MemoryConfig memory,
        OutputConfig output) {
    /** Checks what the parts cannot see alone. */
    public TuneConfig {
        Check.that(
                output.evalEvery() == 0 || data.eval().isPresent() || data.evalSplit() > 0,
                "--eval-every",
                "there is nothing to evaluate on",
                "add --eval or --eval-split");
        Check.that(
                !model.toAbsolutePath()
                        .normalize()
                        .equals(output.out().toAbsolutePath().normalize()),
                "--out",
                output.out() + " is the base model's folder",
                "give another folder");
    }

    /** A run with every default; the builder changes single options. */
    public static TuneConfigBuilder builder(Path model, Path train, Path out) {
        return new TuneConfigBuilder(model, train, out);
    }

    /**
     * Every option by its name on the command line, defaults included: what a record of the run
     * keeps.
     */
    public Map<String, Object> options() {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("model", model.toString());
        data.addOptions(options);
        arithmetic.addOptions(options);
        memory.addOptions(options);
        output.addOptions(options);
        return options;
    }
}
