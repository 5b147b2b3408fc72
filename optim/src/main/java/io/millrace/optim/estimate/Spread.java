package io.millrace.optim.estimate;

/**
 * Losses as a population: summed from 0 on, in order, each summand divided.
 *
 * @param mean of them
 * @param deviation the population's standard deviation about it
 */
record Spread(double mean, double deviation) {
    /** Of at least one loss. */
    static Spread of(double[] losses) {
        double mean = 0;
        for (double loss : losses) {
            mean += loss / losses.length;
        }
        double variance = 0;
        for (double loss : losses) {
            variance += (loss - mean) * (loss - mean) / losses.length;
        }
        return new Spread(mean, Math.sqrt(variance));
    }
}
