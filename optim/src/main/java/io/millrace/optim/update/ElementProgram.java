package io.millrace.optim.update;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What an update does to each element, for rules that are not sums of directions: a straight line
 * of float32 operations over registers, the same bits on every device. Register 0 is the parameter,
 * the next are the rule's {@linkplain UpdateRule#states states}, and the rest is scratch. Every
 * operation is rounded once, to nearest.
 *
 * @param steps in order
 */
public record ElementProgram(List<Step> steps) {
    /** The register of the parameter. */
    public static final int PARAMETER = 0;

    /** As many states as a rule may have. */
    public static final int MOST_STATES = 3;

    /** As many scratch registers as there are. */
    public static final int MOST_SCRATCH = 4;

    /** As many steps as a program may have beside those that make and add directions. */
    public static final int MOST_OTHER_STEPS = 64;

    /** All registers. */
    public static final int REGISTERS = 1 + MOST_STATES + MOST_SCRATCH;

    /** Operations; {@code to}, {@code a} and {@code b} are registers, s is the scalar. */
    public enum Op {
        /** to ← z of the step's seed. */
        Z,
        /** to ← s. */
        FILL,
        /** to ← s · a. */
        SCALE,
        /** to ← fma(s, a, b). */
        FMA,
        /** to ← a + b. */
        ADD,
        /** to ← a · b. */
        MULTIPLY,
        /** to ← a / b. */
        DIVIDE,
        /** to ← the greater; b where they do not compare. */
        MAX,
        /** to ← √a. */
        ROOT,
        /** to ← 1 where a is above 0, −1 where it is below, else 0. */
        SIGN,
        /** to ← s · a in tensors of two axes or more, else 0. */
        SHARE,
        /** to ← s · {@link #reach} of the tensor. */
        REACH,
        /** to ← f · a in tensors that have states, f the step's factor of the tensor, else 0. */
        TIMES,
        /** The parameter ← s · parameter, in tensors of two axes or more; before journal 4. */
        DECAY
    }

    /**
     * One operation.
     *
     * @param op what is done
     * @param to register that is written
     * @param a first operand
     * @param b second operand
     * @param scalar s
     * @param seed of {@link Op#Z}
     * @param factor of {@link Op#TIMES}
     */
    public record Step(
            Op op, int to, int a, int b, float scalar, long seed, Optional<TensorFactor> factor) {
        /** Checks the registers. */
        public Step {
            if (to < 0 || to >= REGISTERS || a < 0 || a >= REGISTERS || b < 0 || b >= REGISTERS) {
                throw new IllegalArgumentException(
                        op + " of registers " + to + ", " + a + ", " + b);
            }
        }
    }

    /** Freezes the steps, and checks their number and that scratch is written before it is read. */
    public ElementProgram {
        steps = List.copyOf(steps);
        boolean[] written = new boolean[REGISTERS];
        Arrays.fill(written, 0, 1 + MOST_STATES, true);
        for (Step step : steps) {
            if (!written[step.a] || !written[step.b]) {
                throw new IllegalArgumentException(step + " reads what nothing wrote");
            }
            written[step.to] = true;
        }
        long directions = steps.stream().filter(step -> step.op == Op.Z).count();
        if (steps.size() - 2 * directions > MOST_OTHER_STEPS) {
            throw new IllegalArgumentException(
                    steps.size() + " steps with " + directions + " directions are too many");
        }
    }

    /** The register of a state, from 0. */
    public static int state(int index) {
        return 1 + below(MOST_STATES, index);
    }

    /** A scratch register, from 0. */
    public static int scratch(int index) {
        return 1 + MOST_STATES + below(MOST_SCRATCH, index);
    }

    /** 1 / √d of a tensor of d elements, rounded once. */
    public static float reach(long elements) {
        return (float) (1 / Math.sqrt((double) elements));
    }

    /** A program that grows step by step. */
    public static Builder builder() {
        return new Builder();
    }

    private static int below(int end, int index) {
        if (index < 0 || index >= end) {
            throw new IllegalArgumentException("register " + index + " of " + end);
        }
        return index;
    }

    /** Gathers steps. */
    public static final class Builder {
        private final List<Step> steps = new ArrayList<>();

        private Builder() {}

        /** to ← z(seed). */
        public Builder z(int to, long seed) {
            return add(Op.Z, to, 0, 0, 0, seed);
        }

        /** to ← Σ coefficient · z(seed), in order, from the first product on by fma. */
        public Builder terms(int to, int spare, List<Update.Term> terms) {
            fill(to, 0);
            for (Update.Term term : terms) {
                z(spare, term.seed()).fma(to, term.coefficient(), spare, to);
            }
            return this;
        }

        /** to ← s. */
        public Builder fill(int to, float s) {
            return add(Op.FILL, to, 0, 0, s, 0);
        }

        /** to ← s · a. */
        public Builder scale(int to, float s, int a) {
            return add(Op.SCALE, to, a, 0, s, 0);
        }

        /** to ← fma(s, a, b). */
        public Builder fma(int to, float s, int a, int b) {
            return add(Op.FMA, to, a, b, s, 0);
        }

        /** to ← a + b. */
        public Builder plus(int to, int a, int b) {
            return add(Op.ADD, to, a, b, 0, 0);
        }

        /** to ← a · b. */
        public Builder multiply(int to, int a, int b) {
            return add(Op.MULTIPLY, to, a, b, 0, 0);
        }

        /** to ← a / b. */
        public Builder divide(int to, int a, int b) {
            return add(Op.DIVIDE, to, a, b, 0, 0);
        }

        /** to ← the greater; b where they do not compare. */
        public Builder max(int to, int a, int b) {
            return add(Op.MAX, to, a, b, 0, 0);
        }

        /** to ← √a. */
        public Builder root(int to, int a) {
            return add(Op.ROOT, to, a, 0, 0, 0);
        }

        /** to ← the sign of a. */
        public Builder sign(int to, int a) {
            return add(Op.SIGN, to, a, 0, 0, 0);
        }

        /** The parameter ← s · parameter, in tensors of two axes or more. */
        public Builder decay(float s) {
            return add(Op.DECAY, PARAMETER, PARAMETER, 0, s, 0);
        }

        /** to ← s · a in tensors of two axes or more, else 0. */
        public Builder share(int to, float s, int a) {
            return add(Op.SHARE, to, a, 0, s, 0);
        }

        /** to ← s / √d in a tensor of d elements. */
        public Builder reach(int to, float s) {
            return add(Op.REACH, to, 0, 0, s, 0);
        }

        /** to ← f · a in tensors that have states, f each tensor's own, else 0. */
        public Builder times(int to, TensorFactor f, int a) {
            steps.add(new Step(Op.TIMES, to, a, 0, 0, 0, Optional.of(f)));
            return this;
        }

        /**
         * The last operations of a step: the parameter ← parameter + s, s ← fma(rate, x, s) from
         * its decay on.
         *
         * @param spare holds s
         * @param rate factor on what the rule moves along
         * @param x what it moves along; another register than the spare one
         * @param decay of the step
         */
        public Builder moveBySum(int spare, float rate, int x, Decay decay) {
            if (decay.adds()) {
                share(spare, decay.added(), PARAMETER);
            } else {
                fill(spare, 0);
            }
            return fma(spare, rate, x, spare).plus(PARAMETER, PARAMETER, spare);
        }

        /** The same, which without decay is the parameter ← fma(rate, x, parameter). */
        public Builder move(int spare, float rate, int x, Decay decay) {
            if (decay.adds()) {
                return moveBySum(spare, rate, x, decay);
            }
            if (decay.scales()) {
                decay(decay.scale());
            }
            return fma(PARAMETER, rate, x, PARAMETER);
        }

        private Builder add(Op op, int to, int a, int b, float scalar, long seed) {
            steps.add(new Step(op, to, a, b, scalar, seed, Optional.empty()));
            return this;
        }

        /** The program. */
        public ElementProgram build() {
            return new ElementProgram(steps);
        }
    }
}
