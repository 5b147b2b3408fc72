package io.millrace.model.config;

import io.millrace.model.spec.RopeSpec;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
    private static final String DEFAULT = "default";
    private static final String TYPE = "rope_type";
    private static final String THETA = "rope_theta";
    private static final String FULL = "full_attention";
    private static final String PARTIAL = "partial_rotary_factor";
    private static final String TRAINED = "original_max_position_embeddings";

    /** What families with a rotary part read of a configuration, in both spellings. */
    public static final ConfigFields FIELDS =
            ConfigFields.of("rope_parameters", null, "rope_scaling", null)
                    .honours("rope_theta", null, PARTIAL, null, TRAINED, null);

    /** A base alone. */
    static RopeParameters plain(ModelConfig config, double theta) {
        return new RopeParameters(theta, 1, DEFAULT, config, config);
    }

    /** Of a family whose class turns whole heads, and passes over a share where nothing scales. */
    static RopeParameters of(ModelConfig config, double thetaOtherwise) {
        RopeParameters read = of(config, thetaOtherwise, 1);
        if (read.type.equals(DEFAULT)) {
            return new RopeParameters(read.theta, 1, DEFAULT, read.scaling, config);
        }
        if (read.partial != 1) {
            throw config.bad(
                    PARTIAL, "is " + read.partial + " beside a rotary scaling of whole heads");
        }
        return read;
    }

    /**
     * Of one kind of layers. The newer spelling has a section for each; the older scaling is of
     * those that see everything, and its class looks for {@code rope_type} alone.
     */
    static RopeParameters ofKind(ModelConfig config, String kind, double thetaOtherwise) {
        Map<String, Object> fields = new LinkedHashMap<>();
        config.optionalSection("rope_parameters")
                .flatMap(kinds -> kinds.optionalSection(kind))
                .ifPresentOrElse(
                        section -> fields.putAll(section.json().fields()),
                        () -> fields.put(TYPE, DEFAULT));
        if (kind.equals(FULL)) {
            fields.putAll(config.section("rope_scaling").json().fields());
        }
        fields.remove("truncate"); // its class reads it beside the sections, where nobody writes it
        fields.putIfAbsent(THETA, thetaOtherwise);
        Map<String, Object> around = new LinkedHashMap<>();
        around.put("rope_parameters", fields);
        if (config.has(PARTIAL)) {
            around.put(PARTIAL, config.json().raw(PARTIAL));
        }
        return of(ModelConfig.of(config.where(), new JsonObject(around)), thetaOtherwise);
    }

    /** Of a family whose class turns a share of each head. */
    static RopeParameters of(ModelConfig config, double thetaOtherwise, double partialOtherwise) {
        ModelConfig inner =
                config.optionalSection("rope_scaling")
                        .filter(fields -> !fields.json().fields().isEmpty())
                        .orElseGet(() -> config.section("rope_parameters"));
        if (inner.has(FULL) || inner.has("sliding_attention")) {
            throw config.bad("rope_parameters", "differ by kind of layer, which is not supported");
        }
        double theta = inner.positiveNumber(THETA, config.positiveNumber(THETA, thetaOtherwise));
        double usual = config.mentions(PARTIAL) && !config.has(PARTIAL) ? 1 : partialOtherwise;
        double partial = inner.positiveNumber(PARTIAL, config.positiveNumber(PARTIAL, usual));
        if (partial > 1) {
            throw config.bad(PARTIAL, "is " + partial + ", more than the whole head");
        }
        String type = inner.string(TYPE, inner.string("type", DEFAULT));
        return new RopeParameters(theta, partial, type, inner, config);
    }

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
            case DEFAULT, "dynamic" -> spec(dims, base, 1);
            case "linear" -> {
                float factor = factor();
                for (int i = 0; i < base.length; i++) {
                    base[i] /= factor;
                }
                yield spec(dims, base, 1);
            }
            case "llama3" -> spec(dims, llama3(base, maxPositions), 1);
            case "yarn" -> yarn(dims, base, maxPositions);
            case "longrope" -> longrope(dims, maxPositions);
            default ->
                    throw config.bad(
                            "rope_type",
                            "is '" + type + "', a rotary scaling that is not supported",
                            "use a model with one of default, linear, dynamic, llama3, yarn, longrope");
        };
    }

    /**
     * What YaRN, or any other scaling that says so, scales queries and keys by beside their angles
     * ({@code mscale_all_dim}); 1 where nothing does.
     */
    public double magnitudeOfAll() {
        double all = type.equals(DEFAULT) ? 0 : orUsual("mscale_all_dim", 0);
        return all == 0 ? 1 : yarnMagnitude(needed("factor"), all);
    }

    /** The same under another name of the scaling. */
    public RopeParameters as(String name) {
        return new RopeParameters(theta, partial, name, scaling, config);
    }

    /** The length that a model was first trained with; beside the scaling it wins over inside. */
    private int trained(int otherwise) {
        return config.positive(TRAINED, scaling.positive(TRAINED, otherwise));
    }

    /**
     * LongRoPE (arXiv 2402.13753): a factor for each frequency, short ones up to that length and
     * long ones for sequences of more.
     */
    private RopeSpec longrope(int dims, int maxPositions) {
        int first = trained(maxPositions);
        double factor = scaling.positiveNumber("factor", (double) maxPositions / first);
        double grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(first));
        float attention = (float) scaling.positiveNumber("attention_factor", grown);
        RopeSpec near = spec(dims, scaled(dims, "short_factor"), attention);
        return first >= maxPositions
                ? near
                : near.withBeyond(
                        new RopeSpec.Beyond(
                                first,
                                spec(dims, scaled(dims, "long_factor"), attention)
                                        .inverseFrequencies()));
    }

    private float[] scaled(int dims, String field) {
        float[] scaled = new float[dims / 2];
        List<Double> factors = scaling.positiveNumbers(field, scaled.length);
        for (int i = 0; i < scaled.length; i++) {
            float exponent = 2f * i / dims;
            scaled[i] = 1f / (float) (factors.get(i) * (float) Math.pow(theta, exponent));
        }
        return scaled;
    }

    private int dims(int headDim) {
        int dims = (int) (headDim * partial);
        if (dims < 2 || dims % 2 != 0) {
            throw config.bad(
                    PARTIAL,
                    "turns " + dims + " of " + headDim + " elements of a head, which are no pairs");
        }
        return dims;
    }

    private float factor() {
        return (float) needed("factor");
    }

    private double needed(String field) {
        if (!scaling.has(field)) {
            throw config.bad(field, "of the rotary scaling '" + type + "' is missing");
        }
        return scaling.positiveNumber(field, 1);
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

    private float[] llama3(float[] base, int maxPositions) {
        float factor = factor();
        double low = needed("low_freq_factor");
        double high = needed("high_freq_factor");
        if (high <= low) {
            throw config.bad("high_freq_factor", "is " + high + ", not above low_freq_factor");
        }
        double trained = trained(maxPositions);
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
        int trained = trained(maxPositions);
        double factor = scaling.positiveNumber("factor", (double) maxPositions / trained);
        double first = yarnDim(orUsual("beta_fast", 32), dims, trained);
        double last = yarnDim(orUsual("beta_slow", 1), dims, trained);
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

    /** Some write 0 for what is not set. */
    private double orUsual(String field, double usual) {
        boolean unset =
                scaling.json().raw(field) instanceof Number number && number.doubleValue() == 0;
        return unset || !scaling.has(field) ? usual : scaling.positiveNumber(field, 1);
    }

    private double yarnAttentionFactor(double factor) {
        if (scaling.has("attention_factor")) {
            return scaling.positiveNumber("attention_factor", 1);
        }
        double mscale = orUsual("mscale", 0);
        double all = orUsual("mscale_all_dim", 0);
        if (mscale != 0 && all != 0) {
            return yarnMagnitude(factor, mscale) / yarnMagnitude(factor, all);
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
