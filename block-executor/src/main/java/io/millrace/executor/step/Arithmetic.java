package io.millrace.executor.step;

import io.millrace.executor.companion.StartWeights;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.memory.Matmul;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.Lora;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.mask.MaskRule;
import io.millrace.optim.mask.WindowMask;
import io.millrace.optim.update.Shape;
import io.millrace.optim.update.UpdateRule;
import java.util.Optional;

/**
 * What a run does to its parameters, whatever computes it, and what its products compute on.
 *
 * @param direction the directions
 * @param momentum whether the update rule has momentum
 * @param programs whether its updates are programs over elements
 * @param rounding how folded parameters are rounded
 * @param foldEvery steps from one rounding into the stored weights to the next
 * @param matmul what products compute on
 * @param shape what becomes of z before a query sees it
 * @param gradient what becomes of blocks whose gradient is known; empty where nobody asks for one
 */
public record Arithmetic(
        Direction direction,
        boolean momentum,
        boolean programs,
        Rounding rounding,
        int foldEvery,
        Matmul matmul,
        Optional<Shape> shape,
        Optional<GradientSteps.Rule> gradient) {
    /** Of forwards that tune nothing. */
    public static final Arithmetic PLAIN =
            new Arithmetic(
                    new GaussianDirection(), false, false, Rounding.NEAREST, 1, Matmul.NATIVE);

    /** Of queries that see z itself. */
    public Arithmetic(
            Direction direction,
            boolean momentum,
            boolean programs,
            Rounding rounding,
            int foldEvery,
            Matmul matmul) {
        this(
                direction,
                momentum,
                programs,
                rounding,
                foldEvery,
                matmul,
                Optional.empty(),
                Optional.empty());
    }

    /** The same with a way back. */
    public Arithmetic withGradient(GradientSteps.Rule rule) {
        return new Arithmetic(
                direction,
                momentum,
                programs,
                rounding,
                foldEvery,
                matmul,
                shape,
                Optional.of(rule));
    }

    /** Of a run, or of a plan for one. */
    public static Arithmetic of(ArithmeticConfig config) {
        UpdateRule rule = config.rule();
        return new Arithmetic(
                config.direction(),
                rule.hasMomentum(),
                rule.isElementwise(),
                config.rounding(),
                config.foldEvery(),
                config.matmul(),
                rule.shape(),
                gradient(config, rule));
    }

    private static Optional<GradientSteps.Rule> gradient(ArithmeticConfig config, UpdateRule rule) {
        return config.estimator() instanceof GradientEstimator gradient
                        && rule instanceof GradientRule first
                ? Optional.of(
                        new GradientSteps.Rule(
                                first, config.rounding(), gradient.norm(), gradient.blockNorm()))
                : Optional.empty();
    }

    /**
     * The same over a base: with factors of its matrices, where the direction has such, and over a
     * mask's elements alone.
     *
     * @param rule of the mask; what masks nothing leaves all as it is
     * @param base that the run began from
     * @param tuned the run's tensors
     * @param runSeed what those begin with that are not the base's
     */
    public Arithmetic over(MaskRule rule, Checkpoint base, RunLayout tuned, long runSeed) {
        Optional<WindowMask> windows = windows(tuned);
        if (windows.isPresent()) {
            return along(new MaskedDirection((DenseDirection) direction, windows.get()));
        }
        return switch (direction) {
            case FactoredDirection factored when factored.lacksBase() ->
                    along(factored.over(weights(base, tuned, runSeed)));
            case DenseDirection dense when !rule.isWhole() ->
                    along(new MaskedDirection(dense, rule.over(weights(base, tuned, runSeed))));
            default -> this;
        };
    }

    /** The elements that each step of a run reaches whose adapter is of windows. */
    private static Optional<WindowMask> windows(RunLayout tuned) {
        return tuned.adapter()
                .filter(Lora.class::isInstance)
                .map(Lora.class::cast)
                .flatMap(lora ->
                        lora.windows()
                                .map(each ->
                                        new WindowMask(
                                                each.rank(),
                                                each.steps(),
                                                lora.rank() / each.rank())));
    }

    private Arithmetic along(Direction other) {
        return new Arithmetic(
                other, momentum, programs, rounding, foldEvery, matmul, shape, gradient);
    }

    private static BaseWeights weights(Checkpoint base, RunLayout tuned, long runSeed) {
        BaseWeights stored = new TrainedWeights(base, tuned.layout().tuned());
        return tuned.adapter().isPresent()
                ? new StartWeights(tuned.start(base, runSeed), tuned.layout().tuned(), stored)
                : stored;
    }
}
