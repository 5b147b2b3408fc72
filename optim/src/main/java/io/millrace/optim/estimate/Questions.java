package io.millrace.optim.estimate;

import java.util.List;

/**
 * How much one pass over the model is asked for: what memory and time are planned by.
 *
 * @param groups queries that have as many scales each
 * @param directions seeds that a step's record names: terms of its update
 */
public record Questions(List<Group> groups, int directions) {
    /**
     * Queries of one kind.
     *
     * @param queries how many
     * @param scales that each of them has
     */
    public record Group(int queries, int scales) {
        /** Checks the numbers. */
        public Group {
            if (queries < 1 || scales < 1) {
                throw new IllegalArgumentException(queries + " queries of " + scales + " scales");
            }
        }
    }

    /** Freezes the list. */
    public Questions {
        groups = List.copyOf(groups);
    }

    /** Queries that have as many scales each, one direction a query. */
    public static Questions each(int queries, int scales) {
        return new Questions(List.of(new Group(queries, scales)), queries);
    }

    /** The same with each scale a query of its own. */
    public Questions apart() {
        return new Questions(
                groups.stream()
                        .map(group -> (long) group.queries * group.scales)
                        .map(scales -> new Group((int) Math.min(scales, Integer.MAX_VALUE), 1))
                        .toList(),
                directions);
    }

    /** All queries. */
    public long queries() {
        return groups.stream().mapToLong(Group::queries).sum();
    }

    /** Scales of all queries together. */
    public long allScales() {
        return groups.stream().mapToLong(group -> (long) group.queries * group.scales).sum();
    }

    /** Scales of the query with the most. */
    public int mostScales() {
        return groups.stream().mapToInt(Group::scales).max().orElse(0);
    }
}
