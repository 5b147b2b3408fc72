package io.millrace.executor.config.recipe;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** What a person may have meant by a name that there is not. */
public final class NearestName {
    private static final int LETTERS_A_SLIP = 3; // a slip in three letters is one, more are another

    private NearestName() {}

    /** The nearest of some names, where one is near enough to be meant. */
    public static Optional<String> to(String given, Collection<String> names) {
        String plain =
                given.strip().toLowerCase(Locale.ROOT).replace('_', '-').replaceFirst("^-+", "");
        int most = Math.max(1, plain.length() / LETTERS_A_SLIP);
        return names.stream()
                .filter(name -> slips(plain, name) <= most)
                .min(
                        Comparator.comparingInt((String name) -> slips(plain, name))
                                .thenComparing(name -> name));
    }

    /**
     * Letters to insert, leave out, exchange, or swap with the next, to come from one to another.
     */
    static int slips(String from, String to) {
        int[][] least = new int[from.length() + 1][to.length() + 1];
        for (int i = 0; i <= from.length(); i++) {
            for (int j = 0; j <= to.length(); j++) {
                least[i][j] = i == 0 || j == 0 ? i + j : slips(least, from, to, i, j);
            }
        }
        return least[from.length()][to.length()];
    }

    private static int slips(int[][] least, String from, String to, int i, int j) {
        boolean same = from.charAt(i - 1) == to.charAt(j - 1);
        int slips =
                Math.min(
                        least[i - 1][j - 1] + (same ? 0 : 1),
                        Math.min(least[i - 1][j], least[i][j - 1]) + 1);
        boolean swapped =
                i > 1
                        && j > 1
                        && from.charAt(i - 1) == to.charAt(j - 2)
                        && from.charAt(i - 2) == to.charAt(j - 1);
        return swapped ? Math.min(slips, least[i - 2][j - 2] + 1) : slips;
    }
}
