package io.millrace.executor.config;

import io.millrace.executor.adapter.AdapterKind;
import io.millrace.executor.adapter.AdapterKinds;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.UnitFormat;
import io.millrace.model.ModelLayout;
import io.millrace.model.ScaleTensors;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.spec.Slices;
import io.millrace.optim.option.Glob;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Which tensors a run trains: all, an adapter beside the model, or those whose names match
 * patterns. {@code *} stands for any text and {@code ?} for a character; the words {@code
 * matrices}, {@code norms} and {@code biases} stand for every tensor of two axes, of a norm, and
 * every bias; a pattern behind {@code !} leaves out. Where all patterns leave out, they do so of
 * all tensors.
 */
public final class TrainedTensors {
    /** The value that stands for all tensors. */
    public static final String FULL = "full";

    /** The value that stands for the scales of packed matrices. */
    public static final String SCALES = "scales";

    private static final String DORA = "dora";

    /** The pattern that stands for every tensor of two axes. */
    public static final String MATRICES = "matrices";

    /** The pattern that stands for weights and biases of all norms. */
    public static final String NORMS = "norms";

    /** The pattern that stands for every bias, those of norms too. */
    public static final String BIASES = "biases";

    private static final String WEIGHT = ".weight";
    private static final String BIAS = ".bias";
    private static final String JOINED_BIAS = "_bias";

    /** The option. */
    public static final Option<String> TUNE =
            Option.named("tune", OptionTypes.TEXT)
                    .label("WHAT")
                    .help(
                            "Tensors to tune: full; scales, of a quantised model; lora, windows, ia3, prompt, prefix or tt, an adapter beside"
                                    + " the model, which is only read then; or patterns of names with commas between them,"
                                    + " such as '*q_proj*,*v_proj*' or '!*embed*'; a ! leaves out."
                                    + " The patterns matrices, norms and biases stand for all tensors"
                                    + " of two axes, of norms, and all biases.")
                    .usual(FULL)
                    .limit(
                            new Limit<>(
                                    TrainedTensors::isWellFormed,
                                    text -> "'" + text + "' has an empty pattern",
                                    "give full, or patterns with commas between them"))
                    .limit(
                            new Limit<>(
                                    text -> !text.equals(DORA),
                                    _ -> "a DoRA's magnitudes cannot be trained",
                                    "give " + LoraKind.NAME))
                    .decidesBytes()
                    .saidUnlessUsual()
                    .build();

    private final String text;
    private final Optional<AdapterSettings> adapter;
    private final List<Rule> rules = new ArrayList<>();

    private record Rule(String text, Choice takes, boolean leavesOut) {}

    /** Which tensors of a layout a word means. */
    @FunctionalInterface
    private interface Choice {
        boolean takes(TensorSlot slot, ModelLayout layout);
    }

    /** What a value of the option means, with whatever else it goes by as usual. */
    public TrainedTensors(String text) {
        this(Settings.NONE.with(TUNE, text));
    }

    /** What a run says. */
    public TrainedTensors(Settings settings) {
        text = settings.get(TUNE);
        adapter =
                kind(settings)
                        .map(kind ->
                                kind.make(
                                        settings.complete(kind.options()),
                                        settings.get(ArithmeticConfig.SEED)));
        if (text.equals(FULL) || tunesScales() || adapter.isPresent()) {
            return;
        }
        for (String part : text.split(",", -1)) {
            boolean leavesOut = part.startsWith("!");
            rules.add(new Rule(part, choice(leavesOut ? part.substring(1) : part), leavesOut));
        }
    }

    /** The kind of adapter that a run trains; empty where it tunes the model itself. */
    static Optional<AdapterKind> kind(Settings settings) {
        return AdapterKinds.find(settings.get(TUNE));
    }

    /** Whether the scales of packed matrices are tuned, and nothing else. */
    public boolean tunesScales() {
        return text.equals(SCALES);
    }

    /** The option, and those that a value of it goes by. */
    public static List<Option<?>> options(Settings settings) {
        List<Option<?>> options = new ArrayList<>(List.of(TUNE));
        kind(settings).ifPresent(kind -> options.addAll(kind.options()));
        return options;
    }

    /** The adapter that is trained beside the model; empty where the model's own tensors are. */
    public Optional<AdapterSettings> adapter() {
        return adapter;
    }

    /**
     * Refuses an adapter where the model's own tensors are asked of.
     *
     * @param what is looked at, such as {@code a search}
     * @throws BadInputException where that is what is trained
     */
    public void requireOwn(String what) {
        if (adapter.isPresent()) {
            throw refused(what + " is over the model's own tensors, and trains no adapter");
        }
    }

    private static boolean isWellFormed(String text) {
        return Arrays.stream(text.split(",", -1))
                .noneMatch(part -> part.isBlank() || part.equals("!"));
    }

    private static Choice choice(String word) {
        return switch (word) {
            case MATRICES -> (slot, _) -> slot.shape().size() == 2;
            case NORMS -> TrainedTensors::isOfNorm;
            case BIASES -> (slot, _) -> isVector(slot) && isBias(slot.name());
            default -> names(word);
        };
    }

    private static boolean isBias(String name) {
        return name.endsWith(BIAS)
                || Slices.find(name).filter(part -> part.whole().endsWith(JOINED_BIAS)).isPresent();
    }

    /** A norm's weight is a vector, and its bias stands beside that. */
    private static boolean isOfNorm(TensorSlot slot, ModelLayout layout) {
        String name = slot.name();
        if (!isVector(slot)) {
            return false;
        }
        if (name.endsWith(WEIGHT)) {
            return true;
        }
        return name.endsWith(BIAS)
                && layout.find(name.substring(0, name.length() - BIAS.length()) + WEIGHT)
                        .filter(weight -> isVector(weight.slot()))
                        .isPresent();
    }

    private static boolean isVector(TensorSlot slot) {
        return slot.shape().size() == 1;
    }

    private static Choice names(String glob) {
        Predicate<String> names = Glob.of(glob);
        return (slot, _) -> names.test(slot.name());
    }

    /**
     * The layout of a run that trains these tensors alone.
     *
     * @param layout of all weights
     * @throws BadInputException where a pattern matches no tensor, or none is left
     * @throws IllegalStateException where it trains none of the model's tensors
     */
    public ModelLayout of(ModelLayout layout) {
        if (adapter.isPresent()) {
            throw new IllegalStateException("an adapter is none of the model's tensors");
        }
        if (tunesScales()) {
            return scales(layout);
        }
        if (rules.isEmpty()) {
            requirePlain(layout);
            return layout;
        }
        List<TensorSlot> slots =
                layout.blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(slot -> !isBuffer(slot))
                        .toList();
        for (Rule rule : rules) {
            if (slots.stream().noneMatch(slot -> rule.takes.takes(slot, layout))) {
                throw refused(
                        "'"
                                + rule.text
                                + "' matches no tensor, such as "
                                + slots.getFirst().name());
            }
        }
        Set<String> trained =
                slots.stream()
                        .filter(slot -> trains(slot, layout))
                        .map(TensorSlot::name)
                        .collect(Collectors.toSet());
        if (trained.isEmpty()) {
            throw refused("'" + text + "' leaves no tensor to tune");
        }
        requirePlain(layout);
        return layout.training(trained::contains);
    }

    /** What may be trained by its format, and yet is not. */
    private static boolean isBuffer(TensorSlot slot) {
        return !slot.isTrained() && slot.format() instanceof DType;
    }

    private static ModelLayout scales(ModelLayout layout) {
        if (layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .allMatch(slot -> ScaleTensors.name(slot).isEmpty())) {
            throw new BadInputException(
                    TUNE.spelled(),
                    "no matrix of the model has scales that can be tuned",
                    "give a model of integers in groups (GPTQ, AWQ, compressed-tensors), such as"
                            + " 'millrace quantize --format int4' makes");
        }
        return layout.scales();
    }

    /** Refuses to train what is in a format that can only be read. */
    private void requirePlain(ModelLayout layout) {
        for (BlockLayout block : layout.blocks()) {
            for (TensorSlot slot : block.tensors()) {
                if (isQuantised(slot) && trains(slot, layout)) {
                    throw new BadInputException(
                            TUNE.spelled(),
                            "'"
                                    + slot.name()
                                    + "' is quantised ("
                                    + slot.format().name()
                                    + "): an update is too small for its codes",
                            "tune an adapter beside it (--tune lora), windows of low-rank"
                                    + " directions (--tune windows), or its scales (--tune"
                                    + " scales)");
                }
                if (!slot.isPlain() && trains(slot, layout)) {
                    throw new BadInputException(
                            TUNE.spelled(),
                            "'"
                                    + slot.name()
                                    + "' is stored as "
                                    + slot.format().name()
                                    + ", which can be read and not tuned",
                            "leave it out, such as by '!" + slot.name() + "'");
                }
            }
        }
    }

    private static boolean isQuantised(TensorSlot slot) {
        return slot.format() instanceof PackedFormat
                || (slot.format() instanceof UnitFormat units && units.unitElements() > 1);
    }

    private static BadInputException refused(String fault) {
        return new BadInputException(
                TUNE.spelled(), fault, "give patterns of names of the model's tensors, or full");
    }

    private boolean trains(TensorSlot slot, ModelLayout layout) {
        boolean trained = rules.stream().allMatch(Rule::leavesOut);
        for (Rule rule : rules) {
            if (rule.takes.takes(slot, layout)) {
                trained = !rule.leavesOut;
            }
        }
        return trained;
    }

    @Override
    public String toString() {
        return text;
    }
}
