package io.millrace.optim.estimate;

import java.util.List;

/**
 * How much one pass over the model is asked for: what memory and time are planned by.
 *
 * @param groups probes that have as many scales each
 * @param directions seeds that a step's record names: terms of its update
 */
public record Questions(List<Group> groups, int directions) {
    /**
     * Probes of one kind.
     *
     * @param probes how many
     * @param scales that each of them has
     */
    public record Group(int probes, int scales) {
        /** Checks the numbers. */
        public Group {
            if (probes < 1 || scales < 1) {
                throw new IllegalArgumentException(probes + " probes of " + scales + " scales");
            }
        }
    }

    /** Freezes the list. */
    public Questions {
        groups = List.copyOf(groups);
    }

    /** Probes that have as many scales each, one direction a probe. */
    public static Questions each(int probes, int scales) {
        return new Questions(List.of(new Group(probes, scales)), probes);
    }

    /** All probes. */
    public long probes() {
        return groups.stream().mapToLong(Group::probes).sum();
    }

    /** Scales of all probes together. */
    public long allScales() {
        return groups.stream().mapToLong(group -> (long) group.probes * group.scales).sum();
    }

    /** Scales of the probe with the most. */
    public int mostScales() {
        return groups.stream().mapToInt(Group::scales).max().orElse(0);
    }
}
