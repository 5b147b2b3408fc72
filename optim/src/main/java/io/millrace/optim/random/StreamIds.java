package io.millrace.optim.random;

/**
 * The last counter word of every Philox stream. Two streams with the same seed never meet as long
 * as each kind of draw has its own value here, and nowhere else. What an adapter begins with has
 * two that others have too, which are keyed by the seeds of steps and queries, and it by the run's:
 * along projected directions no adapter is trained, and what begins as tokens is drawn under id 0
 * once.
 */
public final class StreamIds {
    /** Dense directions: z of every element. */
    public static final int DENSE_Z = 0x4D5A;

    /** Low-rank directions: the left factor U, keyed by the query's seed. */
    public static final int LOW_RANK_U = 0x4D5B;

    /** Low-rank directions: the right factor V, keyed by the seed of the window's first step. */
    public static final int LOW_RANK_V = 0x4D5C;

    /** Stochastic rounding, keyed by the seed of the update's step. */
    public static final int STOCHASTIC_ROUNDING = 0x4D5D;

    /** The order of a data set, keyed by the run's seed; the third counter word is the epoch. */
    public static final int SHUFFLE = 0x4D5E;

    /** Layers drawn by weight, keyed by the step's seed. */
    public static final int WEIGHTED_LAYERS = 0x4D69;

    /** Random weights of made-up checkpoints. */
    public static final int SYNTHETIC_WEIGHTS = 0x4D5F;

    /** Subspace directions: what U is made of, keyed by the seed of the window's first step. */
    public static final int SUBSPACE_U = 0x4D61;

    /** Subspace directions: what V is made of, keyed as U. */
    public static final int SUBSPACE_V = 0x4D62;

    /** Subspace directions: Z, keyed by the query's seed. */
    public static final int SUBSPACE_Z = 0x4D63;

    /** Tezo directions: U, keyed by the run's seed. */
    public static final int TEZO_U = 0x4D64;

    /** Tezo directions: V, keyed by the run's seed. */
    public static final int TEZO_V = 0x4D65;

    /** Tezo directions: τ, keyed by the query's seed. */
    public static final int TEZO_TAU = 0x4D66;

    /** Members: the left factor A, keyed by the query's seed. */
    public static final int MEMBER_LEFT = 0x4D67;

    /** Members: the right factor B, keyed by the query's seed. */
    public static final int MEMBER_RIGHT = 0x4D68;

    /** Projected directions: what P is made of, keyed by the seed of the window's first step. */
    public static final int PROJECTED_LEFT = 0x4D6A;

    /** Projected directions: u, keyed by the query's seed. */
    public static final int PROJECTED_RIGHT = 0x4D6B;

    /** Elements that keep their z, keyed by the step's seed. */
    public static final int RANDOM_MASK = 0x4D60;

    /** The distance of a tensor from its base, keyed by the query's seed; its first element. */
    public static final int DISTANCE_Z = 0x4D6C;

    /** Singular directions: what the search for V begins with, keyed by the run's seed. */
    public static final int SINGULAR_START = 0x4D6D;

    /** Singular directions: τ, keyed by the query's seed. */
    public static final int SINGULAR_TAU = 0x4D6E;

    /** What a trained adapter begins with, keyed by the run's seed. */
    public static final int ADAPTER_START = 0x4D6A;

    /** Tokens whose activations a trained adapter begins with, keyed by the run's seed. */
    public static final int ADAPTER_TOKENS = 0x4D6C;

    /** The order of a model's blocks, keyed by the run's seed; the third word is the round. */
    public static final int BLOCK_ORDER = 0x4D6F;

    /** What the search for galore's vectors begins with, keyed by the step's and tensor's seed. */
    public static final int GALORE_START = 0x4D70;

    private StreamIds() {}
}
