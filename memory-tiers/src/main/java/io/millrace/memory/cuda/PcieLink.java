package io.millrace.memory.cuda;

/**
 * What a card's PCIe link runs at, or could.
 *
 * @param generation 1 to 7; 0 where nobody tells
 * @param lanes its width; 0 where nobody tells
 */
public record PcieLink(int generation, int lanes) {
    /** Such as {@code PCIe 5 x16}. */
    public String describe() {
        return "PCIe " + generation + " x" + lanes;
    }

    /** Whether both figures were told. */
    public boolean isKnown() {
        return generation > 0 && lanes > 0;
    }
}
