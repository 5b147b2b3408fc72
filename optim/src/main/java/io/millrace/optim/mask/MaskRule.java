package io.millrace.optim.mask;

import java.nio.file.Path;
import java.util.Optional;

/** How the mask of a run is chosen, before its base is known. */
public interface MaskRule {
    /** The name on the command line and in the journal, such as {@code magnitude}. */
    String name();

    /** Whether every element keeps its z: the run is one without a mask. */
    boolean isWhole();

    /** The file that it goes by, if any. */
    default Optional<Path> file() {
        return Optional.empty();
    }

    /** Whether it goes by a file and was told none, with which no run can begin. */
    default boolean lacksFile() {
        return false;
    }

    /** The mask over a base, the same whenever it is asked for. */
    ElementMask over(BaseWeights base);
}
