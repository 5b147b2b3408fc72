package io.millrace.model.config;

import io.millrace.model.spec.RopeSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Rotary settings with both spellings made one, and the frequencies that they give.
 *
 * @param theta the base
 * @param partial the share of a head that turns
 * @param type the scaling, {@code default} for none
 * @param scaling the scaling's own fields
 * @param config the configuration around them
 */
public record RopeParameters(
        double theta, double partial, String type, ModelConfig scaling, ModelConfig config) {

    /**
     * The rotary part of an attention.
     *
     * @param headDim elements of a head
     * @param maxPositions the longest sequence the model may see
     */
    public RopeSpec spec(int headDim, int maxPositions) {
        int dims = dims(headDim);
        float[] base = frequencies(dims);
        return switch (type) {
            // The dynamic scaling changes nothing up to the trained length, and we go no further.
            case "default", "dynamic" -> spec(dims, base, 1);
            case "linear" -> {
                float factor = factor();
                for (int i = 0; i < base.length; i++) {
                    base[i] /= factor;
                }
                yield spec(dims, base, 1);
            }
            case "llama3" -> spec(dims, llama3(base), 1);
            case "yarn" -> yarn(dims, base, maxPositions);
            default ->
                    throw config.bad(
                            "rope_type",
                            "is '" + type + "', a rotary scaling that is not supported",
                            "use a model with one of default, linear, dynamic, llama3, yarn");
        };
    }

    /** Whether frequencies are others above the length that the model was first trained with. */
    public boolean isLong() {
        return type.equals("longrope") || type.equals("su");
    }

    /** That length. */
    public int trainedFirst(int maxPositions) {
        String field = "original_max_position_embeddings";
        return scaling.positive(field, config.positive(field, maxPositions));
    }

    /**
     * LongRoPE (arXiv 2402.13753) up to that length: a factor for each frequency, its short ones.
     *
     * @param headDim elements of a head
     * @param maxPositions the longest sequence the model may see, with its long ones
     */
    public RopeSpec shortOfLong(int headDim, int maxPositions) {
        int dims = dims(headDim);
        float[] scaled = new float[dims / 2];
        List<Double> factors = scaling.positiveNumbers("short_factor", scaled.length);
        for (int i = 0; i < scaled.length; i++) {
            float exponent = 2f * i / dims;
            scaled[i] = 1f / (float) (factors.get(i) * (float) Math.pow(theta, exponent));
        }
        int first = trainedFirst(maxPositions);
        double factor = scaling.positiveNumber("factor", (double) maxPositions / first);
        double grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(first));
        return spec(dims, scaled, (float) scaling.positiveNumber("attention_factor", grown));
    }

    private int dims(int headDim) {
        int dims = (int) (headDim * partial);
        if (dims < 2 || dims % 2 != 0) {
            throw config.bad(
                    "partial_rotary_factor",
                    "turns " + dims + " of " + headDim + " elements of a head, which are no pairs");
        }
        return dims;
    }

    private float factor() {
        if (!scaling.has("factor")) {
            throw config.bad("factor", "of the rotary scaling '" + type + "' is missing");
        }
        return (float) scaling.positiveNumber("factor", 1);
    }

    /**
     * {@code 1 / theta^(2i/dims)}, each operation rounded to float32 as the model's trainer did.
     */
    private float[] frequencies(int dims) {
        float[] frequencies = new float[dims / 2];
        for (int i = 0; i < frequencies.length; i++) {
            float exponent = 2f * i / dims;
            frequencies[i] = 1f / (float) Math.pow(theta, exponent);
        }
        return frequencies;
    }

    private float[] llama3(float[] base) {
        float factor = factor();
        double low = scaling.positiveNumber("low_freq_factor", 1);
        double high = scaling.positiveNumber("high_freq_factor", 4);
        if (high <= low) {
            throw config.bad("high_freq_factor", "is " + high + ", not above low_freq_factor");
        }
        if (!scaling.has("original_max_position_embeddings")) {
            throw config.bad(
                    "original_max_position_embeddings", "of the rotary scaling is missing");
        }
        double trained = scaling.positive("original_max_position_embeddings");
        float[] scaled = new float[base.length];
        for (int i = 0; i < base.length; i++) {
            float waveLength = (float) (2 * Math.PI / base[i]);
            if (waveLength > trained / low) {
                scaled[i] = base[i] / factor;
            } else if (waveLength < trained / high) {
                scaled[i] = base[i];
            } else {
                float smooth = (float) ((trained / waveLength - low) / (high - low));
                scaled[i] = (1 - smooth) * base[i] / factor + smooth * base[i];
            }
        }
        return scaled;
    }

    private RopeSpec yarn(int dims, float[] base, int maxPositions) {
        float factor = factor();
        int trained = scaling.positive("original_max_position_embeddings", maxPositions);
        double first = yarnDim(scaling.positiveNumber("beta_fast", 32), dims, trained);
        double last = yarnDim(scaling.positiveNumber("beta_slow", 1), dims, trained);
        if (scaling.bool("truncate", true)) {
            first = Math.floor(first);
            last = Math.ceil(last);
        }
        first = Math.max(first, 0);
        last = Math.min(last, dims - 1);
        if (first == last) {
            last += 0.001;
        }
        float[] scaled = new float[base.length];
        for (int i = 0; i < base.length; i++) {
            double ramp = Math.clamp((i - first) / (last - first), 0.0, 1.0);
            scaled[i] = (float) (base[i] / factor * ramp + base[i] * (1 - ramp));
        }
        return spec(dims, scaled, (float) yarnAttentionFactor(factor));
    }

    /** The dimension that turns so many times over the trained length. */
    private double yarnDim(double turns, int dims, int trained) {
        return dims * Math.log(trained / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    private double yarnAttentionFactor(double factor) {
        if (scaling.has("attention_factor")) {
            return scaling.positiveNumber("attention_factor", 1);
        }
        if (scaling.has("mscale") && scaling.has("mscale_all_dim")) {
            return yarnMagnitude(factor, scaling.positiveNumber("mscale", 1))
                    / yarnMagnitude(factor, scaling.positiveNumber("mscale_all_dim", 1));
        }
        return yarnMagnitude(factor, 1);
    }

    private static double yarnMagnitude(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    private static RopeSpec spec(int dims, float[] frequencies, float attentionFactor) {
        List<Float> boxed = new ArrayList<>(frequencies.length);
        for (float frequency : frequencies) {
            boxed.add(frequency);
        }
        return new RopeSpec(dims, boxed, attentionFactor);
    }
}
