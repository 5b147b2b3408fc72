package io.millrace.optim.mask;

/** How the mask of a run is chosen, before its base is known. */
public interface MaskRule {
    /** The name on the command line and in the journal, such as {@code magnitude}. */
    String name();

    /** Whether every element keeps its z: the run is one without a mask. */
    boolean isWhole();

    /** The mask over a base, the same whenever it is asked for. */
    ElementMask over(BaseWeights base);
}
