package io.millrace.model.adapter.cores;

import java.util.List;

/** Numbers as products of few numbers that are near each other. */
final class Factors {
    private Factors() {}

    /**
     * Three factors, ascending, of the least sum; of equals those with the largest first.
     *
     * @param product above 0
     */
    static List<Integer> three(int product) {
        List<Integer> best = List.of(1, 1, product);
        long least = 2L + product;
        for (int a = 1; (long) a * a * a <= product; a++) {
            if (product % a != 0) {
                continue;
            }
            int rest = product / a;
            for (int b = a; (long) b * b <= rest; b++) {
                long sum = (long) a + b + rest / b;
                if (rest % b == 0 && sum <= least) {
                    best = List.of(a, b, rest / b);
                    least = sum;
                }
            }
        }
        return best;
    }
}
