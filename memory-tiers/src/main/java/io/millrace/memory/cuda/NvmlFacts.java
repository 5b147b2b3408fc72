package io.millrace.memory.cuda;

import io.millrace.memory.ByteSize;
import java.util.ArrayList;
import java.util.List;

/**
 * What NVML tells of a card. Numbers that a card does not tell are 0.
 *
 * @param product as it is sold
 * @param driverVersion such as 580.65.06
 * @param memoryBytes of it in all
 * @param freeBytes that nobody has taken
 * @param link what the link runs at now; an idle card lowers its generation
 * @param systemLink the most that card and slot can do together
 * @param cardGeneration the most that the card alone can do
 * @param powerLimitWatts that it keeps to
 * @param usualPowerWatts that it is sold with
 * @param clockMhz of its multiprocessors, now
 * @param topClockMhz the most they run at
 * @param slowdowns why the clock is not higher now, where a fault is the reason
 */
public record NvmlFacts(
        String product,
        String driverVersion,
        long memoryBytes,
        long freeBytes,
        PcieLink link,
        PcieLink systemLink,
        int cardGeneration,
        int powerLimitWatts,
        int usualPowerWatts,
        int clockMhz,
        int topClockMhz,
        List<Slowdown> slowdowns) {
    /** Freezes the list. */
    public NvmlFacts {
        slowdowns = List.copyOf(slowdowns);
    }

    /** Faults that hold clocks down, by their bits among NVML's event reasons. */
    public enum Slowdown {
        /** The card's own brake, for heat or power. */
        HARDWARE(0x8, "by the card's own brake"),
        /** The driver's, for heat. */
        DRIVER_HEAT(0x20, "by heat"),
        /** The card's, for heat. */
        CARD_HEAT(0x40, "by heat"),
        /** The power supply's, from outside. */
        POWER_BRAKE(0x80, "by the power supply's brake");

        private final long bit;
        private final String text;

        Slowdown(long bit, String text) {
            this.bit = bit;
            this.text = text;
        }

        static List<Slowdown> of(long reasons) {
            List<Slowdown> found = new ArrayList<>();
            for (Slowdown one : values()) {
                if ((reasons & one.bit) != 0) {
                    found.add(one);
                }
            }
            return found;
        }
    }

    /** The link, power and clock, as far as they are told. */
    public String describe() {
        List<String> parts = new ArrayList<>();
        parts.add("driver " + driverVersion);
        parts.add(ByteSize.format(freeBytes) + " free");
        if (link.isKnown()) {
            String most = systemLink.isKnown() ? " of " + systemLink.describe() : "";
            parts.add(link.describe() + most);
        }
        if (powerLimitWatts > 0) {
            parts.add(powerLimitWatts + " W" + (usualPowerWatts > 0 ? of(usualPowerWatts) : ""));
        }
        if (clockMhz > 0) {
            parts.add(clockMhz + " MHz" + (topClockMhz > 0 ? of(topClockMhz) : ""));
        }
        return String.join(", ", parts);
    }

    private static String of(int most) {
        return " of " + most;
    }

    /**
     * What keeps the card from its best, and what to do about each. Tells the truth about the link
     * only of facts that were asked for while the card copied.
     *
     * @param device its name, such as {@code cuda:0}
     */
    public List<String> gaps(String device) {
        List<String> gaps = new ArrayList<>();
        if (link.isKnown() && systemLink.isKnown()) {
            if (link.lanes() < systemLink.lanes() || link.generation() < systemLink.generation()) {
                gaps.add(
                        device
                                + " copies over "
                                + link.describe()
                                + " where card and slot can do "
                                + systemLink.describe()
                                + "; reseat the card, exchange its riser, or undo a limit of the"
                                + " slot in the firmware's settings");
            }
            if (cardGeneration > systemLink.generation()) {
                gaps.add(
                        device
                                + " could do PCIe "
                                + cardGeneration
                                + " and its slot does "
                                + systemLink.generation()
                                + "; put it into a newer slot if there is one, and set the slot's"
                                + " generation to automatic in the firmware's settings");
            }
        }
        if (powerLimitWatts > 0 && powerLimitWatts < usualPowerWatts) {
            gaps.add(
                    device
                            + " is limited to "
                            + powerLimitWatts
                            + " W of "
                            + usualPowerWatts
                            + "; 'nvidia-smi -pl "
                            + usualPowerWatts
                            + "' as root lifts that");
        }
        slowdowns.stream()
                .map(slowdown -> slowdown.text)
                .distinct()
                .forEach(text ->
                        gaps.add(
                                device
                                        + " is slowed down "
                                        + text
                                        + "; look after its cooling and its power cables"));
        return gaps;
    }
}
