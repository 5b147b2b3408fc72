package io.millrace.executor.config;

import io.millrace.executor.adapter.AdapterKinds;
import io.millrace.executor.adapter.WindowsKind;
import io.millrace.executor.adapter.WireConfig;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Anchors;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.WithMasters;
import io.millrace.optim.mask.MaskRule;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.objective.Objective;
import io.millrace.optim.objective.Objectives;
import io.millrace.optim.optimizer.GradientRuns;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.schedule.Schedules;
import io.millrace.optim.update.Helene;
import io.millrace.optim.update.UpdateRule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Everything that decides the bytes of the tuned model, given the model and the data. A resumed run
 * and its first part must agree on all of it.
 *
 * @param settings a value for each of {@link #OPTIONS} that the run has a use for
 */
public record ArithmeticConfig(Settings settings) {
    /** Steps of the whole run. */
    public static final Option<Long> STEPS =
            Option.named("steps", OptionTypes.COUNT)
                    .label("N")
                    .help("Steps of the run.")
                    .usual(1000L)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    // A run whose rate does not depend on them may go on to more.
                    .saidWhere(run -> Schedules.dependsOnSteps(run.get(Schedules.NAMING)))
                    .build();

    /** Learning rate after the warm-up. */
    public static final Option<Double> LR =
            Option.named("lr", OptionTypes.NUMBER)
                    .label("F")
                    .help("Learning rate.")
                    .usual(1e-6)
                    .limit(Limit.finiteAtLeastZero())
                    .decidesBytes()
                    .build();

    /** Steps over which the rate rises from 0 in a straight line. */
    public static final Option<Long> WARMUP =
            Option.named("warmup", OptionTypes.COUNT)
                    .label("N")
                    .help("Steps over which the learning rate rises.")
                    .usual(0L)
                    .limit(Limit.atLeast(0))
                    .decidesBytes()
                    .build();

    /** Scale of the perturbation. */
    public static final Option<Double> EPS =
            Option.named("eps", OptionTypes.NUMBER)
                    .label("F")
                    .help("Scale of the perturbation.")
                    .usual(1e-3)
                    .limit(Limit.finitePositive())
                    .limit(Limit.positiveInFloat32())
                    .decidesBytes()
                    .build();

    /** Decay of tensors with two dimensions or more. */
    public static final Option<Double> WEIGHT_DECAY =
            Option.named("weight-decay", OptionTypes.NUMBER)
                    .label("F")
                    .help("Decay of tensors with two dimensions or more.")
                    .usual(0.0)
                    .limit(Limit.finiteAtLeastZero())
                    .decidesBytes()
                    .build();

    /** The run's seed S. */
    public static final Option<Long> SEED =
            Option.named("seed", Seeds.TYPE)
                    .label("S")
                    .help("64 bits, decimal or 0x...")
                    .usualUnsaid(0L)
                    .usually("0")
                    .decidesBytes("run_seed")
                    .build();

    /** How pending updates are rounded into the stored weights. */
    public static final Option<Rounding> ROUNDING =
            Option.named("rounding", OptionTypes.oneOf(Rounding.values()))
                    .label("NAME")
                    .help("nearest or stochastic.")
                    .usual(Rounding.NEAREST)
                    .decidesBytes()
                    .build();

    /** Steps between rounding pending updates into the stored weights. */
    public static final Option<Integer> FOLD_EVERY =
            Option.named("fold-every", OptionTypes.INTEGER)
                    .label("K")
                    .help(
                            "Round updates into the stored weights every K steps; pending ones are added"
                                    + " in float32.")
                    .usually("1, with low-rank perturbations the window, with svrg the anchor's")
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** What products compute on. */
    public static final Option<Matmul> MATMUL =
            Option.named("matmul", OptionTypes.oneOf(Matmul.values()))
                    .label("NAME")
                    .help(
                            "What products compute on: native; bf16, on a CPU; on a card tf32 (of"
                                    + " float32) or fp8 (8.9 or newer).")
                    .usual(Matmul.NATIVE)
                    // Losses, and so steps, depend on it.
                    .decidesBytes()
                    .saidUnlessUsual()
                    .build();

    /** Dtype to tune in. */
    public static final Option<DType> DTYPE =
            Option.named("dtype", OptionTypes.DTYPE)
                    .label("D")
                    .help("float32, bfloat16 or float16.")
                    .usually("the checkpoint's")
                    .limit(
                            new Limit<>(
                                    DType::isTrainable,
                                    type ->
                                            type.torchName()
                                                    + " cannot hold weights that are tuned",
                                    "give float32, bfloat16 or float16"))
                    .decidesBytes()
                    .build();

    /** The methods that a run names; each brings options of its own. */
    private static final List<Kinds<?>> METHODS =
            List.of(
                    Directions.KINDS,
                    Optimizers.KINDS,
                    Estimators.KINDS,
                    Participations.KINDS,
                    Masks.KINDS,
                    Objectives.KINDS);

    /** An anchor step's rate beside that of others, unless it is told. */
    private static final double ANCHOR_RATE = 10;

    /** What the learning rate of a step goes by. */
    static final List<Option<?>> RATE = List.of(STEPS, LR, Schedules.NAMING, WARMUP);

    /** What scales, draws and rounds. */
    static final List<Option<?>> SCALE =
            List.of(EPS, WEIGHT_DECAY, SEED, ROUNDING, BegunAdapter.ADAPTER);

    /** What decides what a step computes, and so what it costs: a plan takes it, too. */
    public static final List<Option<?>> STEP = step();

    /** All of them. */
    public static final List<Option<?>> OPTIONS = RunOptions.joined(List.of(RATE, SCALE, STEP));

    /** Fills in what is as usual, and checks what no option can see alone. */
    public ArithmeticConfig {
        settings = complete(settings);
        long steps = settings.get(STEPS);
        long warmup = settings.get(WARMUP);
        Check.that(
                warmup <= steps,
                WARMUP,
                warmup + " exceeds the " + steps + " steps of the run",
                "give at most " + steps);
        Direction direction = direction(settings);
        UpdateRule rule = Optimizers.KINDS.make(settings, 0);
        requireSuited(rule, direction);
        requireSuited(rule, Estimators.KINDS.make(settings, 0));
        Settings all = settings;
        Estimators.KINDS
                .make(settings, 0)
                .anchors()
                .ifPresent(anchors -> AnchoredRuns.check(all, direction, anchors));
        Participations.KINDS.make(settings, 0);
        Check.that(
                direction instanceof DenseDirection || Masks.KINDS.make(settings, 0).isWhole(),
                Masks.KINDS.naming(),
                "a product of thin factors has no element of its own to mask",
                "give --perturbation gaussian or rademacher, or leave it out");
        Check.that(
                Masks.KINDS.make(settings, 0).isWhole()
                        || Estimators.KINDS.make(settings, 0).anchors().isEmpty(),
                Masks.KINDS.naming(),
                "steps between anchors are along two directions, of two masks",
                "give another --estimator, or leave it out");
        Check.that(
                direction instanceof DenseDirection || TrainedTensors.kind(settings).isEmpty(),
                Directions.KINDS.naming(),
                "what is trained beside a model goes along dense directions",
                "give --perturbation gaussian or rademacher, or another --tune");
        BesideRuns.check(settings);
        GradientSettings.check(settings);
        int foldEvery = settings.get(FOLD_EVERY);
        Check.that(
                direction.window() % foldEvery == 0,
                FOLD_EVERY,
                foldEvery + " does not divide the window of " + direction.window() + " steps",
                "give a divisor of --window, or leave the option out to fold once a window");
    }

    private static void requireSuited(UpdateRule rule, Direction direction) {
        String suited =
                Directions.KINDS.all().stream()
                        .filter(kind ->
                                rule.suits(Directions.KINDS.make(kind.name(), Settings.NONE, 0)))
                        .map(Kind::name)
                        .collect(Collectors.joining(" or "));
        Check.that(
                rule.suits(direction),
                Optimizers.KINDS.naming(),
                rule.name() + " does not work with " + direction.name() + " perturbations",
                "give --perturbation " + suited + ", or another optimizer");
    }

    private static void requireSuited(UpdateRule rule, Estimator estimator) {
        GradientRuns.check(rule, estimator);
        Optional<String> needs = rule.needs(estimator);
        Check.that(
                needs.isEmpty(),
                Optimizers.KINDS.naming(),
                rule.name()
                        + " does not work with estimator "
                        + estimator.name()
                        + " along "
                        + estimator.questions().directions()
                        + " directions",
                "give " + needs.orElse(""));
    }

    private static List<Option<?>> step() {
        List<Option<?>> options = new ArrayList<>();
        METHODS.forEach(kinds -> options.addAll(kinds.withNaming()));
        options.add(TrainedTensors.TUNE);
        options.addAll(AdapterKinds.OPTIONS);
        options.addAll(List.of(FOLD_EVERY, MATMUL, DTYPE));
        options.addAll(WireConfig.OPTIONS);
        return List.copyOf(options);
    }

    private static Settings complete(Settings said) {
        Settings told = GradientRuns.named(said);
        List<Option<?>> used = new ArrayList<>(OPTIONS);
        for (Kinds<?> kinds : METHODS) {
            List<Option<?>> others = new ArrayList<>(kinds.options());
            others.removeAll(kinds.of(told).options());
            used.removeAll(others);
        }
        used.removeAll(AdapterKinds.idle(TrainedTensors.kind(told)));
        Settings all = WireConfig.complete(told.complete(used));
        if (used.contains(Estimators.ANCHOR_LR) && !all.has(Estimators.ANCHOR_LR)) {
            all = all.with(Estimators.ANCHOR_LR, anchorRate(all)).complete(used);
        }
        if (used.contains(WindowsKind.COUNT) && !all.has(WindowsKind.COUNT)) {
            int count = WindowsKind.count(all, all.get(STEPS));
            all = all.with(WindowsKind.COUNT, count).complete(used);
        }
        if (used.contains(Helene.ANNEAL) && !all.has(Helene.ANNEAL)) {
            all = all.with(Helene.ANNEAL, all.get(STEPS)).complete(used);
        }
        return all.has(FOLD_EVERY) ? all : all.with(FOLD_EVERY, folds(all)).complete(used);
    }

    private static double anchorRate(Settings settings) {
        return ANCHOR_RATE * settings.get(LR);
    }

    /** Steps between folds where nobody tells. */
    private static int folds(Settings settings) {
        return Estimators.KINDS
                .make(settings, settings.get(SEED))
                .anchors()
                .map(Anchors::every)
                .orElseGet(() -> Math.max(1, direction(settings).window()));
    }

    /** The value that an option of this run has where it is not told. */
    public Optional<?> usual(Option<?> option) {
        if (option == FOLD_EVERY) {
            return Optional.of(folds(settings));
        }
        if (option == Helene.ANNEAL) {
            return Optional.of(settings.get(STEPS));
        }
        if (option == WindowsKind.COUNT) {
            return Optional.of(WindowsKind.count(settings, settings.get(STEPS)));
        }
        if (option == WireConfig.GROUP) {
            return wire().map(wire -> wire.form().usualGroup());
        }
        return option == Estimators.ANCHOR_LR ? Optional.of(anchorRate(settings)) : option.usual();
    }

    private static Direction direction(Settings settings) {
        return Directions.KINDS.make(settings, settings.get(SEED));
    }

    /** Options of kinds that are not named. */
    static Set<Option<?>> idle(Settings told) {
        Settings settings = GradientRuns.named(told);
        Set<Option<?>> idle = new LinkedHashSet<>();
        METHODS.forEach(kinds -> idle.addAll(kinds.options()));
        METHODS.forEach(kinds -> kinds.of(settings).options().forEach(idle::remove));
        idle.addAll(AdapterKinds.idle(TrainedTensors.kind(settings)));
        return idle;
    }

    /**
     * Refuses options of methods that the run does not name.
     *
     * @throws io.millrace.memory.BadInputException where something was told that has no use
     */
    static void requireUse(Settings told) {
        Settings names = GradientRuns.named(told);
        METHODS.forEach(kinds -> kinds.requireUse(names));
        AdapterKinds.requireUse(told, TrainedTensors.kind(told));
    }

    public long steps() {
        return settings.get(STEPS);
    }

    public long seed() {
        return settings.get(SEED);
    }

    public double lr() {
        return settings.get(LR);
    }

    /** Name of the curve that the rate follows after the warm-up. */
    public String schedule() {
        return settings.get(Schedules.NAMING);
    }

    public long warmup() {
        return settings.get(WARMUP);
    }

    public double weightDecay() {
        return settings.get(WEIGHT_DECAY);
    }

    public double eps() {
        return settings.get(EPS);
    }

    /** Name of what z is drawn from. */
    public String perturbation() {
        return settings.get(Directions.KINDS.naming());
    }

    public int queries() {
        return settings.get(Estimators.QUERIES);
    }

    /** Name of the update rule. */
    public String optimizer() {
        return settings.get(Optimizers.KINDS.naming());
    }

    public int foldEvery() {
        return settings.get(FOLD_EVERY);
    }

    public Rounding rounding() {
        return settings.get(ROUNDING);
    }

    public Matmul matmul() {
        return settings.get(MATMUL);
    }

    /** Dtype to tune in; that of the checkpoint where empty. */
    public Optional<DType> dtype() {
        return settings.find(DTYPE);
    }

    /** The form in which the base moves; empty where that is as it is stored. */
    public Optional<WireConfig> wire() {
        return WireConfig.of(settings);
    }

    /** What z is drawn from. */
    public Direction direction() {
        return direction(settings);
    }

    /** What a step asks for. */
    public Estimator estimator() {
        return Estimators.KINDS.make(settings, seed());
    }

    /** What is climbed down. */
    public Objective objective() {
        return Objectives.KINDS.make(settings, seed());
    }

    /** Which layers have a part in a step. */
    public Participation participation() {
        return Participations.KINDS.make(settings, seed());
    }

    /** Which elements of them have z. */
    public MaskRule mask() {
        return Masks.KINDS.make(settings, seed());
    }

    /** Which tensors are tuned. */
    public TrainedTensors trained() {
        return new TrainedTensors(settings);
    }

    /** The LoRA that the run begins with; a fresh one where empty. */
    public Optional<Path> adapter() {
        return settings.find(BegunAdapter.ADAPTER);
    }

    /** A fresh update rule, before its first step. */
    public UpdateRule rule() {
        UpdateRule rule = Optimizers.KINDS.make(settings, seed());
        return rule instanceof GradientRule first
                        && estimator() instanceof GradientEstimator gradient
                        && gradient.masters()
                ? new WithMasters(first)
                : rule;
    }

    /** Whether its steps can be made again of a journal. */
    public boolean isReplayable() {
        return !(rule() instanceof GradientRule);
    }

    /** Whether it may fold at other steps than it does. */
    public boolean foldsAtWill() {
        return isReplayable() && estimator().anchors().isEmpty();
    }

    /** The same with another schedule of folds. */
    public ArithmeticConfig withFoldEvery(int count) {
        return new ArithmeticConfig(settings.with(FOLD_EVERY, count));
    }

    /** What the run's methods go by beside their names, as files call it. */
    public Map<String, Object> methodFields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (Kinds<?> kinds : METHODS) {
            for (Option<?> option : kinds.of(settings).options()) {
                option.said(settings).ifPresent(said -> fields.put(option.field(), said));
            }
        }
        return fields;
    }
}
