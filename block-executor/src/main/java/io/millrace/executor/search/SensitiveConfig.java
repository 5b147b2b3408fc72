package io.millrace.executor.search;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.RademacherDirection;
import io.millrace.optim.option.Limit;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A choice of the elements that the loss is most sensitive to.
 *
 * @param model Hugging Face folder of the base model
 * @param out the file of lists to write
 * @param data whose loss it is; empty where magnitudes decide
 * @param choice how many, and by what
 * @param arithmetic seed, ε, what z is drawn from and which tensors are chosen among
 * @param memory where the bytes may be
 */
public record SensitiveConfig(
        Path model,
        Path out,
        Optional<SearchConfig.Data> data,
        Choice choice,
        ArithmeticConfig arithmetic,
        MemoryConfig memory) {
    private static final Limit<Number> SOME = Limit.atLeast(1);

    /** What an element's score is. */
    public enum By {
        /** The mean over batches of the square of the slope that directions estimate. */
        GRADIENT,
        /** The mean over batches and directions of (g z)². */
        SQUARES,
        /** The size of the parameter. */
        MAGNITUDE
    }

    /** Checks what the parts cannot see alone. */
    public SensitiveConfig {
        GivenPaths.requireWritableFile("--out", out);
        if (data.isEmpty() && choice.by != By.MAGNITUDE) {
            throw new BadInputException(
                    "--train",
                    "slopes need examples",
                    "give a file, or --by magnitude, which needs none");
        }
        if (!(arithmetic.direction() instanceof DenseDirection)) {
            throw new BadInputException(
                    "--perturbation",
                    arithmetic.perturbation() + " has no z of every element's own",
                    "give gaussian or rademacher");
        }
        if (choice.by == By.SQUARES && arithmetic.direction() instanceof RademacherDirection) {
            throw new BadInputException(
                    "--by",
                    "with z of ±1 the squares of all elements are the same",
                    "give --perturbation gaussian, or --by gradient");
        }
    }

    /**
     * How many, and by what.
     *
     * @param share of the elements of all trained tensors that are chosen
     * @param by what they are scored by
     * @param directions along which slopes are taken
     * @param together that pass through a block together
     */
    public record Choice(double share, By by, int directions, int together) {
        /** Checks the numbers. */
        public Choice {
            if (!(share > 0 && share <= 1)) {
                throw new BadInputException(
                        "--share",
                        share + " is not above 0 and at most 1",
                        "give a number such as 0.001");
            }
            SOME.require(directions, "--directions");
            SOME.require(together, "--together");
        }
    }
}
