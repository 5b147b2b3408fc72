package io.millrace.model.adapter;

import io.millrace.model.program.ModelProgram;
import java.util.List;

/**
 * Which scales IA³ trains (arXiv 2205.05638; fields as PEFT has them).
 *
 * @param targets modules by the ends of their paths, or {@link #AUTO} alone
 * @param feedForward those of them whose inputs are scaled in place of their outputs, or {@link
 *     #AUTO} alone
 */
public record Ia3Settings(List<String> targets, List<String> feedForward)
        implements AdapterSettings {
    /** Stands for keys, values and the second product of the feed-forward part. */
    public static final String AUTO = "auto";

    private static final List<String> ATTENTION =
            List.of("k_proj", "v_proj", "c_attn", "query_key_value", "qkv_proj");
    private static final List<String> FEED_FORWARD =
            List.of("down_proj", "fc2", "fc_out", "mlp.c_proj", "dense_4h_to_h");

    /** Freezes the lists. */
    public Ia3Settings {
        targets = List.copyOf(targets);
        feedForward = List.copyOf(feedForward);
    }

    @Override
    public Adapter of(ModelProgram stored, ModelProgram published) {
        return new Ia3(stored, LoraTargets.of(stored, published), this);
    }

    /** Whether targets are whatever of the usual ones a model has. */
    boolean isAuto() {
        return targets.equals(List.of(AUTO));
    }

    boolean isTarget(String module) {
        return isAuto()
                ? isAmong(ATTENTION, module) || isAmong(FEED_FORWARD, module)
                : isAmong(targets, module);
    }

    boolean isFeedForward(String module) {
        return isAmong(feedForward.equals(List.of(AUTO)) ? FEED_FORWARD : feedForward, module);
    }

    private static boolean isAmong(List<String> names, String module) {
        return names.stream().anyMatch(name -> module.equals(name) || module.endsWith("." + name));
    }
}
