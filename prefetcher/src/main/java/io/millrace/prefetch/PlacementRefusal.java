package io.millrace.prefetch;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Tier;

/**
 * A budget below what any placement needs.
 *
 * @param tier whose budget it is
 * @param neededBytes the smallest budget for weights that works
 * @param givenBytes the budget for weights that was given
 * @param largestBlock index of the block that asks for so much
 */
public record PlacementRefusal(Tier tier, long neededBytes, long givenBytes, int largestBlock)
        implements PlacementAnswer {
    /**
     * The refusal as the command line shows it.
     *
     * @param option names the budget, such as {@code --host-budget}
     * @param otherBytes what of the whole budget is taken by other things than weights
     */
    public BadInputException toBadInput(String option, long otherBytes) {
        long whole = Math.addExact(neededBytes, otherBytes);
        return new BadInputException(
                option,
                String.format(
                        "leaves %s of %s memory for blocks, and block %d alone needs %s",
                        ByteSize.format(givenBytes),
                        tier.label(),
                        largestBlock,
                        ByteSize.format(neededBytes)),
                "the smallest that works is " + whole + " (" + ByteSize.formatAtLeast(whole) + ")");
    }
}
