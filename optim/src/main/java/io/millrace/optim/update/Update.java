package io.millrace.optim.update;

import java.util.List;
import java.util.Optional;

/**
 * A change of the parameters that any tier can apply later: {@code θ ← θ + Σ coefficient ·
 * z(seed)}. In float32: one fused multiply-add a term, in order, from θ on; where there is
 * {@linkplain Decay decay}, from a share of θ on, and that sum is added to θ.
 *
 * @param step the step that made it, from 1
 * @param seed the step's seed; stochastic rounding after this update draws from it
 * @param decay of tensors of two or more axes
 * @param terms the directions and their coefficients, in the order in which they are added
 * @param momentum what takes the place of the terms on the matrices of a low-rank direction
 * @param program what takes the place of decay and terms, of rules that are no sum of directions
 * @param orthogonal what takes the place of the terms on the matrices of a projected direction
 */
public record Update(
        long step,
        long seed,
        Decay decay,
        List<Term> terms,
        Optional<Momentum> momentum,
        Optional<ElementProgram> program,
        Optional<Orthogonal> orthogonal) {
    /** Freezes the terms. */
    public Update {
        terms = List.copyOf(terms);
    }

    /**
     * The same step for parameters that have no part in it: nothing changes, and momentum stays
     * what it was.
     */
    public Update still() {
        return new Update(
                step,
                seed,
                Decay.NONE,
                List.of(),
                momentum.map(_ -> new Momentum(1f, 0f, List.of())),
                Optional.empty());
    }

    /** Whether it changes no parameter. */
    public boolean isStill() {
        return !decay.scales()
                && !decay.adds()
                && terms.isEmpty()
                && momentum.map(thin -> thin.rate == 0f).orElse(true)
                && program.isEmpty()
                && orthogonal.isEmpty();
    }

    /** An update of sums of directions. */
    public Update(
            long step,
            long seed,
            Decay decay,
            List<Term> terms,
            Optional<Momentum> momentum,
            Optional<ElementProgram> program) {
        this(step, seed, decay, terms, momentum, program, Optional.empty());
    }

    /** An update without momentum. */
    public Update(long step, long seed, Decay decay, List<Term> terms) {
        this(step, seed, decay, terms, Optional.empty(), Optional.empty());
    }

    /** An update with momentum of a left factor. */
    public static Update ofMomentum(Update plain, Momentum momentum) {
        return new Update(
                plain.step,
                plain.seed,
                plain.decay,
                plain.terms,
                Optional.of(momentum),
                Optional.empty());
    }

    /** An update that is a program. */
    public static Update of(long step, long seed, ElementProgram program) {
        return new Update(
                step, seed, Decay.NONE, List.of(), Optional.empty(), Optional.of(program));
    }

    /**
     * One direction's share.
     *
     * @param seed the direction's seed
     * @param coefficient factor on z
     */
    public record Term(long seed, float coefficient) {}

    /**
     * Momentum of a low-rank direction's left factor: {@code N ← beta · N + Σ coefficient ·
     * U(seed)}, then {@code θ ← θ + rate · N Vᵀ / √r}.
     *
     * @param beta share of N that stays
     * @param rate factor on N
     * @param slopes the directions and their shares, in the order in which they are added
     */
    public record Momentum(float beta, float rate, List<Term> slopes) {
        /** Freezes the slopes. */
        public Momentum {
            slopes = List.copyOf(slopes);
        }
    }

    /**
     * A step along what Newton–Schulz makes of a mean of directions: {@code θ ← θ + rate · P NS(Σ
     * coefficient · u(seed))}.
     *
     * @param rate factor on it
     * @param iterations of Newton–Schulz
     * @param slopes the directions and their shares, in the order in which they are added
     */
    public record Orthogonal(float rate, int iterations, List<Term> slopes) {
        /** Freezes the slopes. */
        public Orthogonal {
            slopes = List.copyOf(slopes);
        }
    }
}
